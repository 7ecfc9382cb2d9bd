import { crc32, inflate, inflateRaw } from "node:zlib";
import { DcrError } from "../errors.ts";

/** A list that inflates to more is refused before it has (STAT-12). */
export const MAX_STATUS_LIST_BYTES = 16 * 1024 * 1024;
/** Output is made in pieces of this size; small ones cost a turn of the event loop each. */
const CHUNK_BYTES = 256 * 1024;

const GZIP = { header: 10, trailer: 8 } as const;
/** Flags of a GZIP header (RFC 1952 section 2.3.1). */
const FLAG = {
  headerChecksum: 2,
  extra: 4,
  name: 8,
  comment: 16,
  reserved: 0xe0,
} as const;

/**
 * Inflates the one ZLIB stream that the bytes are, off the event loop.
 *
 * @throws {DcrError} `status_list_invalid`
 * @see RFC 1950; Token Status List section 4.1
 */
export async function inflateZlib(bytes: Uint8Array): Promise<Uint8Array> {
  const { output, consumed } = await run(inflate, bytes, "ZLIB");
  if (consumed !== bytes.length)
    throw invalid("one ZLIB stream", "more after it");
  return output;
}

/**
 * Inflates the one GZIP member that the bytes are, off the event loop. Node's own reader would join several
 * members and pass over some of what follows (V19), so the header and the trailer are read here.
 *
 * @throws {DcrError} `status_list_invalid`
 * @see RFC 1952 section 2.3; Bitstring Status List section 3.1
 */
export async function inflateGzip(bytes: Uint8Array): Promise<Uint8Array> {
  const member = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = gzipHeaderLength(member);
  const { output, consumed } = await run(
    inflateRaw,
    member.subarray(start),
    "GZIP",
  );
  const trailer = member.subarray(start + consumed);
  if (trailer.length !== GZIP.trailer) {
    throw invalid(
      "one GZIP member",
      trailer.length < GZIP.trailer ? "less" : "more after it",
    );
  }
  if (
    trailer.readUInt32LE(0) !== crc32(output) ||
    trailer.readUInt32LE(4) !== output.length
  )
    throw invalid("a GZIP member with its own checksum and size", "others");
  return output;
}

function gzipHeaderLength(member: Buffer): number {
  const isGzip =
    member.length >= GZIP.header + GZIP.trailer &&
    member.readUIntBE(0, 3) === 0x1f8b08;
  const flags = member[3] ?? 0;
  if (!isGzip || (flags & FLAG.reserved) !== 0)
    throw invalid("a GZIP member", "something else");
  let at: number = GZIP.header;
  if ((flags & FLAG.extra) !== 0) at += 2 + member.readUInt16LE(at);
  for (const flag of [FLAG.name, FLAG.comment]) {
    if ((flags & flag) === 0) continue;
    const end = member.indexOf(0, at);
    if (end === -1) throw invalid("a GZIP header", "part of one");
    at = end + 1;
  }
  if ((flags & FLAG.headerChecksum) !== 0) at += 2;
  if (at > member.length) throw invalid("a GZIP header", "part of one");
  return at;
}

interface Inflated {
  readonly output: Uint8Array;
  /** How many bytes of the input the stream took. */
  readonly consumed: number;
}

/** With `info`, which the types do not know, Node hands the engine back beside the buffer. */
interface InfoResult {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function run(
  method: typeof inflate,
  bytes: Uint8Array,
  name: string,
): Promise<Inflated> {
  const options = {
    info: true,
    chunkSize: CHUNK_BYTES,
    maxOutputLength: MAX_STATUS_LIST_BYTES,
  };
  return new Promise((resolve, reject) => {
    method(bytes, options, (error, result) => {
      if (error === null) {
        const { buffer, engine } = result as unknown as InfoResult;
        resolve({ output: buffer, consumed: engine.bytesWritten });
      } else {
        reject(
          "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
            ? invalid(
                `a list of at most ${MAX_STATUS_LIST_BYTES} bytes`,
                "more",
                error,
              )
            : invalid(`one whole ${name} stream`, "something else", error),
        );
      }
    });
  });
}

function invalid(expected: string, came: string, cause?: unknown): DcrError {
  return new DcrError(
    "status_list_invalid",
    `expected ${expected} in the status list, got ${came}`,
    cause === undefined ? undefined : { cause },
  );
}
