import type { Host } from "./host";

/** The program where there is one. A build that is shipped has no scripted world in it. */
export async function connect(): Promise<Host> {
  if (import.meta.env.MODE === "production" || "__TAURI_INTERNALS__" in globalThis) {
    const { TauriHost } = await import("./tauri");
    return new TauriHost();
  }
  const { fromAddress } = await import("./mock");
  return fromAddress(location.search);
}
