import { FakeClientStore, storeContract } from "@accredit/testkit";

// The fake keeps the same promises as the stores it stands for.
storeContract("fake", async () => new FakeClientStore());
