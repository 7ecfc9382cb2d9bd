import { z } from "zod";

/** A mapping with these keys and no others; its error text lists them, for the hint at a mistyped one. */
export function section<const Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? keys
        : `a mapping with keys of ${keys}`,
  });
}
