import { changedSpiffeId } from "./spiffe-ids.ts";
import { setMember, type Draft, type Making } from "./jwt-svid-draft.ts";

/** One way to make a JWT-SVID another. */
export interface Change {
  readonly name: string;
  readonly change: (draft: Draft, making: Making) => void;
}

/** Values that readers of JSON disagree about. */
const ODD_VALUES = [
  '""',
  '"x"',
  "0",
  "-0",
  "1",
  "-1",
  "1e3",
  "1.5",
  "null",
  "true",
  "{}",
  "[]",
  '[""]',
  '["x"]',
  '{"a":1}',
  "[[]]",
  '"\\u0000"',
  '"\\ud800"',
  "9007199254740993",
  "1e400",
  "18446744073709551616",
  '"JWT"',
  '["JWT"]',
];
const ALGORITHM_NAMES = [
  "none",
  "None",
  "HS256",
  "HS512",
  "es256",
  "ES256K",
  "EdDSA",
  "RS1",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "PS256",
  "PS512",
  "ML-DSA-44",
];
const TYPES = [
  "JWT",
  "JOSE",
  "jwt",
  "jose",
  "at+jwt",
  "vc+jwt",
  "wit+jwt",
  "application/jwt",
  "JWT ",
  "",
  "JWS",
  "dpop+jwt",
];
const HEADERS = [
  '"crit":["exp"]',
  '"crit":[]',
  '"crit":["b64"]',
  '"b64":false',
  '"b64":true',
  '"jku":"https://evil.example/jwks"',
  '"jwk":{"kty":"oct","k":"AA"}',
  '"jwk":{}',
  '"x5c":[]',
  '"x5c":["AA=="]',
  '"x5u":"https://evil.example"',
  '"x5t":"AA"',
  '"cty":"JWT"',
  '"nonce":"x"',
  '"zip":"DEF"',
  '"anything":1',
  '"url":"x"',
  '"Alg":"none"',
  '"KID":"x"',
  '"TYP":"x"',
  '"alg ":"none"',
];
const CLAIMS = [
  '"jti":"1"',
  '"jti":1',
  '"jti":null',
  '"iss":"spiffe://example.org"',
  '"vc":{}',
  '"vc":1',
  '"iss":"https://evil.example"',
  '"iss":1',
  '"iss":null',
  '"scope":"read"',
  '"client_name":"x"',
  '"Sub":"spiffe://example.org/other"',
  '"SUB":1',
  '"Exp":1',
  '"AUD":"x"',
  '"NBF":99999999999',
  '"__proto__":{"sub":"x"}',
  '"constructor":1',
  '"cnf":{"jkt":"x"}',
  '"":1',
  '"a\\u0000":1',
];
const MEMBERS = ["sub", "aud", "exp", "iat", "nbf"] as const;
/** Seconds from now, none so near a boundary that the time of the run could matter. */
const MOMENTS = [
  -1e9, -2e5, -8e4, -4e3, -300, -120, -30, 0, 30, 300, 4e3, 8e4, 2e5, 1e9,
  0xe8d4a51000, 0x38d7ea4c68000,
];

const header =
  (name: string, value: (making: Making) => string | undefined) =>
  (draft: Draft, making: Making): void =>
    setMember(draft.header, name, value(making));
const claim =
  (name: string, value: (making: Making) => string | undefined) =>
  (draft: Draft, making: Making): void =>
    setMember(draft.claims, name, value(making));
const member = (text: string): [string, string] => {
  const colon = text.indexOf('":') + 1;
  return [text.slice(0, colon), text.slice(colon + 1)];
};
const text = JSON.stringify;
const odd = ({ random }: Making): string => random.pick(ODD_VALUES);
const finishing =
  (finish: (token: string, making: Making) => string) =>
  (draft: Draft, making: Making): void => {
    const before = draft.finish;
    draft.finish = (token) => finish(before(token), making);
  };

const inHeader: readonly Change[] = [
  {
    name: "alg: another name",
    change: header("alg", ({ random }) => text(random.pick(ALGORITHM_NAMES))),
  },
  { name: "alg: odd", change: header("alg", odd) },
  { name: "alg: absent", change: header("alg", () => undefined) },
  { name: "kid: absent", change: header("kid", () => undefined) },
  { name: "kid: odd", change: header("kid", odd) },
  {
    name: "kid: of another key",
    change: header("kid", ({ random, keys }) =>
      text(random.pick([...keys.own, ...keys.stranger]).kid),
    ),
  },
  { name: "kid: unknown", change: header("kid", () => '"unknown"') },
  {
    name: "typ: another",
    change: header("typ", ({ random }) => text(random.pick(TYPES))),
  },
  { name: "typ: odd", change: header("typ", odd) },
  { name: "typ: absent", change: header("typ", () => undefined) },
  {
    name: "header: another member",
    change: ({ header: to }, { random }) =>
      void to.push(member(random.pick(HEADERS))),
  },
  {
    name: "header: repeated member",
    change: ({ header: to }, { random }) => void to.push([...random.pick(to)]),
  },
  {
    name: "header: shuffled",
    change: (draft) => {
      draft.header.splice(0, Infinity, ...draft.header.toReversed());
    },
  },
];

const inClaims: readonly Change[] = [
  {
    name: "sub: another SPIFFE ID",
    change: claim("sub", ({ random }) =>
      text(changedSpiffeId(random).toString()),
    ),
  },
  {
    name: "sub: other trust domain",
    change: claim("sub", ({ random }) =>
      random.pick([
        '"spiffe://other.example/x"',
        '"spiffe://unknown.example/x"',
        '"spiffe://example.org"',
      ]),
    ),
  },
  { name: "aud: as text", change: claim("aud", () => '"https://as.example"') },
  {
    name: "aud: several",
    change: claim("aud", ({ random }) =>
      random.pick([
        '["https://as.example","x"]',
        '["x","https://as.example"]',
        '["https://as.example","https://as.example"]',
        '["https://as.example",1]',
      ]),
    ),
  },
  {
    name: "aud: another",
    change: claim("aud", ({ random }) =>
      random.pick([
        '"https://as.example/"',
        '"HTTPS://AS.EXAMPLE"',
        '"https://as.exampl\\u0065"',
        '["https://other.example"]',
      ]),
    ),
  },
  ...MEMBERS.flatMap((name): readonly Change[] => [
    { name: `${name}: odd`, change: claim(name, odd) },
    { name: `${name}: absent`, change: claim(name, () => undefined) },
    {
      name: `${name}: repeated`,
      change: ({ claims }, { random }) =>
        void claims.push([text(name), random.pick(ODD_VALUES)]),
    },
  ]),
  ...(["exp", "iat", "nbf"] as const).flatMap((name): readonly Change[] => [
    {
      name: `${name}: another moment`,
      change: claim(name, ({ now, random }) => `${now + random.pick(MOMENTS)}`),
    },
    { name: `${name}: as text`, change: claim(name, ({ now }) => `"${now}"`) },
    {
      name: `${name}: with a fraction`,
      change: claim(
        name,
        ({ now, random }) =>
          `${now + (name === "exp" ? 200 : -200)}.${random.pick(["0", "5", "999999999999"])}`,
      ),
    },
    {
      name: `${name}: with an exponent`,
      change: claim(
        name,
        ({ now }) => `${(now + (name === "exp" ? 200 : -200)) / 10}e1`,
      ),
    },
  ]),
  {
    name: "claims: another member",
    change: ({ claims }, { random }) =>
      void claims.push(member(random.pick(CLAIMS))),
  },
  {
    name: "claims: deep",
    change: ({ claims }, { random }) => {
      const depth = random.pick([8, 40, 400, 4000]);
      claims.push(['"deep"', "[".repeat(depth) + "]".repeat(depth)]);
    },
  },
  {
    name: "claims: large",
    change: ({ claims }, { random }) =>
      void claims.push([
        '"large"',
        text("x".repeat(random.pick([1000, 9000, 20_000]))),
      ]),
  },
];

const inTexts: readonly Change[] = (["onHeader", "onPayload"] as const).flatMap(
  (part): readonly Change[] => [
    {
      name: `${part}: white space`,
      change: (draft) => {
        draft[part] = (json) => ` ${json}\n`;
      },
    },
    {
      name: `${part}: byte order mark`,
      change: (draft) => {
        draft[part] = (json) => `\ufeff${json}`;
      },
    },
    {
      name: `${part}: something after it`,
      change: (draft, { random }) => {
        const more = random.pick(["x", "{}", "\u0000", ","]);
        draft[part] = (json) => json + more;
      },
    },
    {
      name: `${part}: escaped name`,
      change: (draft) => {
        draft[part] = (json) =>
          json.replace('"sub"', '"s\\u0075b"').replace('"alg"', '"\\u0061lg"');
      },
    },
    {
      name: `${part}: byte replaced`,
      change: (draft, { random }) => {
        const [at, byte] = [random.below(60), random.below(256)];
        draft[part] = (json) => {
          const bytes = Buffer.from(json);
          bytes[Math.min(at, bytes.length - 1)] = byte;
          return bytes;
        };
      },
    },
    {
      name: `${part}: no object`,
      change: (draft, { random }) => {
        const other = random.pick(["", "[]", "null", "1", '"x"', "{", "{}"]);
        draft[part] = () => other;
      },
    },
  ],
);

const inToken: readonly Change[] = [
  {
    name: "signature: by another key",
    change: (draft, { random, keys }) => {
      draft.key = random.pick([...keys.own, ...keys.stranger, ...keys.unknown]);
    },
  },
  {
    name: "signature: bit flipped",
    change: finishing((token, { random }) =>
      inSignature(token, (bytes) => {
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        return bytes;
      }),
    ),
  },
  {
    name: "signature: cut",
    change: finishing((token, { random }) =>
      inSignature(token, (bytes) =>
        bytes.subarray(0, random.below(bytes.length)),
      ),
    ),
  },
  {
    name: "signature: longer",
    change: finishing((token, { random }) =>
      inSignature(token, (bytes) =>
        Buffer.concat([bytes, Buffer.alloc(1 + random.below(3))]),
      ),
    ),
  },
  {
    name: "signature: zeros",
    change: finishing((token) =>
      inSignature(token, (bytes) => Buffer.alloc(bytes.length)),
    ),
  },
  {
    name: "token: character replaced",
    change: finishing((token, { random }) =>
      replaceAt(
        token,
        random.below(token.length),
        String.fromCharCode(random.below(128)),
      ),
    ),
  },
  { name: "token: padded", change: finishing((token) => `${token}=`) },
  {
    name: "token: last bits",
    change: finishing(
      (token) => token.slice(0, -1) + nextLetter(token.at(-1) ?? "A"),
    ),
  },
  {
    name: "token: around it",
    change: finishing((token, { random }) =>
      random.pick([` ${token}`, `${token} `, `${token}\n`, `Bearer ${token}`]),
    ),
  },
  {
    name: "token: within it",
    change: finishing((token, { random }) => {
      const at = random.below(token.length);
      return `${token.slice(0, at)}${random.pick(["\n", " ", "\r\n", "="])}${token.slice(at)}`;
    }),
  },
  {
    name: "token: segments",
    change: finishing((token, { random }) =>
      random.pick([
        token.split(".").slice(0, 2).join("."),
        `${token}.`,
        `.${token}`,
        `${token}.AA`,
        `${token}..`,
        "..",
        "",
      ]),
    ),
  },
  {
    name: "token: as JSON",
    change: finishing((token) => {
      const [head = "", payload = "", signature = ""] = token.split(".");
      return text({ protected: head, payload, signature });
    }),
  },
];

export const CHANGES: readonly Change[] = [
  ...inHeader,
  ...inClaims,
  ...inTexts,
  ...inToken,
];

function inSignature(token: string, change: (bytes: Buffer) => Buffer): string {
  const at = token.lastIndexOf(".") + 1;
  const bytes = Buffer.from(token.slice(at), "base64url");
  if (bytes.length === 0) return token;
  return token.slice(0, at) + change(bytes).toString("base64url");
}

function replaceAt(token: string, at: number, by: string): string {
  return token.slice(0, at) + by + token.slice(at + 1);
}

/** The letter whose lowest bit is another: bits that decode to nothing at the end of a segment. */
function nextLetter(letter: string): string {
  const letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return letters[letters.indexOf(letter) ^ 1] ?? "A";
}
