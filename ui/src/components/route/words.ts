import { millis } from "../../i18n/format";
import { t } from "../../i18n/index.svelte";
import { countWords, interfaceWords } from "../../i18n/words";
import type { PathView, RoutePicture } from "../../ipc/host";

/** "Wi-Fi, direct" */
export function pathTitle(path: PathView, picture: RoutePicture): string {
  const network = interfaceWords(path.interface, picture.here.interfaces) ?? path.interface;
  return path.kind === "direct"
    ? t("path.direct", { network })
    : t("path.relay", { network, relay: path.relay ?? path.remote });
}

/** The picture in one sentence, for those who can't see it. */
export function summary(picture: RoutePicture, peer: string): string {
  const used = picture.paths.find((p) => p.state === "in_use");
  if (!used) return t("route.noWay", { peer });
  const said = { peer, way: pathTitle(used, picture), paths: countWords("paths", picture.paths.length) };
  if (used.rtt_ms === null) return t("route.summaryNew", said);
  return t("route.summary", { ...said, delay: millis(used.rtt_ms) });
}
