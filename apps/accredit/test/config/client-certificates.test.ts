import assert from "node:assert/strict";
import { test } from "node:test";
import { serverSettings } from "../../src/serve/settings.ts";
import { parse, validFile } from "./valid-file.ts";

interface Choice {
  readonly tls?: boolean;
  readonly asked?: boolean;
  readonly methods?: readonly string[];
  readonly bound?: boolean;
  readonly mutualTls?: Readonly<Record<string, unknown>>;
}

const OWN_LISTENER = {
  tls: { cert_file: "tls.crt", key_file: "tls.key" },
  base_url: "https://mtls.as.example.com",
};
const PROXY = { proxies: [{ addresses: ["loopback"], header: "xfcc" }] };

/** The valid file with the keys that decide who is asked for a certificate. */
function choose({ tls = true, asked, methods, bound, mutualTls = {} }: Choice) {
  const file = validFile();
  const [rule] = file.policy;
  const { host, port } = file.listen;
  const { cert_file, key_file } = file.listen.tls;
  return parse({
    ...file,
    listen: {
      host,
      port,
      ...(tls && {
        tls: { cert_file, key_file, client_certificates: asked },
      }),
    },
    mutual_tls: mutualTls,
    policy: [
      {
        ...rule,
        allow: {
          ...rule?.allow,
          token_endpoint_auth_methods: methods ?? ["spiffe_jwt"],
        },
        template: bound
          ? { tls_client_certificate_bound_access_tokens: true }
          : {},
      },
    ],
  });
}

const X509 = ["spiffe_jwt", "spiffe_x509"];
for (const { name, choice, listener, own = false } of [
  { name: "nobody wants them", choice: {}, listener: false },
  {
    name: "a rule allows spiffe_x509",
    choice: { methods: X509 },
    listener: true,
  },
  {
    name: "a template wants bound tokens",
    choice: { bound: true },
    listener: true,
  },
  {
    name: "the file says not",
    choice: { methods: X509, asked: false },
    listener: false,
  },
  { name: "the file says so", choice: { asked: true }, listener: true },
  {
    name: "another listener asks",
    choice: { methods: X509, mutualTls: OWN_LISTENER },
    listener: false,
    own: true,
  },
] as const) {
  test(`[X509-10] config: whether the public listener asks for certificates, where ${name}`, () => {
    const config = choose(choice);
    assert.equal(config.listen.tls?.clientCertificates, listener);
    assert.equal(config.mutualTls.listen !== undefined, own);
    assert.equal(
      serverSettings(config).mutualTls?.listener,
      listener || own,
      "the server is told",
    );
  });
}

test("[X509-10] config: spiffe_x509 that nothing delivers is told of", () => {
  const notices = (choice: Choice) =>
    choose({ methods: X509, ...choice }).notices.filter((notice) =>
      notice.includes("spiffe_x509"),
    ).length;
  assert.equal(notices({ tls: false }), 1);
  assert.equal(notices({ asked: false }), 1);
  assert.equal(notices({}), 0);
  assert.equal(notices({ tls: false, mutualTls: PROXY }), 0);
  assert.equal(notices({ tls: false, mutualTls: OWN_LISTENER }), 0);
});

test("[META-14] config: a template that wants bound tokens needs certificates", () => {
  assert.throws(() => choose({ bound: true, asked: false }), {
    name: "ConfigError",
  });
  assert.throws(() => choose({ bound: true, tls: false }), {
    name: "ConfigError",
  });
  assert.doesNotThrow(() => choose({ bound: true, mutualTls: PROXY }));
});
