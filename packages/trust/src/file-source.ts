import { basename, dirname } from "node:path";
import type { BundleSource } from "./bundle-source.ts";
import { MAX_DOCUMENT_BYTES } from "./fetch-document.ts";
import { DirectoryChanges } from "./lib/directory-changes.ts";
import { readLocalFile } from "./lib/local-file.ts";
import type { FileBundleOptions, KeeperClock } from "./options.ts";

/** A change that no notification told of is noticed after this long. */
const POLL_SECONDS = 1;
/** What Kubernetes replaces when a mounted ConfigMap or Secret changes: the files are links through it. */
const KUBERNETES_DATA_LINK = "..data";

/**
 * A bundle in a local file, read again when its directory tells of a change and every second besides:
 * notifications get lost on network mounts, behind symbolic links and when the directory is replaced.
 */
export function createFileSource(
  { path }: FileBundleOptions,
  clock: KeeperClock,
): BundleSource {
  const changes = new DirectoryChanges(dirname(path), [
    basename(path),
    KUBERNETES_DATA_LINK,
  ]);
  return {
    description: `file ${path}`,
    authoritative: true,
    read(signal) {
      // Watch first: a change while the file is being read is then a reason to read it again.
      changes.watch(signal);
      return readLocalFile(path, MAX_DOCUMENT_BYTES, signal);
    },
    async untilNext(_progress, signal) {
      const pause = new AbortController();
      const poll = clock
        .sleep(POLL_SECONDS * 1000, AbortSignal.any([signal, pause.signal]))
        .then(
          // By now the directory at the path may be another than the one watched.
          () => changes.stop(),
          () => signal.throwIfAborted(),
        );
      await Promise.race([poll, changes.next()]);
      pause.abort();
      await poll;
    },
  };
}
