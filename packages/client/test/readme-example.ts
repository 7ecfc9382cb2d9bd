import { createTokenSource } from "@accredit/client";

const tokens = createTokenSource({
  issuer: "https://as.example.com",
  workloadApi: process.env["SPIFFE_ENDPOINT_SOCKET"] ?? "",
  resource: "https://api.example.com",
});

const { accessToken } = await tokens.getToken(); // ask for each request: it is cached
await fetch("https://api.example.com/orders", {
  headers: { Authorization: `Bearer ${accessToken}` },
});
