import type { AppState } from "./app.svelte";
import { VIEWS } from "./navigation.svelte";

/** Keys that work everywhere; Settings lists them. Ctrl (or Command) keeps them out of what is typed. */
export function shortcuts(event: KeyboardEvent, app: AppState) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const done = byKey(event.key.toLowerCase(), event.shiftKey, app);
  if (done) event.preventDefault();
}

function byKey(key: string, shift: boolean, app: AppState): boolean {
  const call = app.current;
  const view = VIEWS[Number(key) - 1];
  if (view && !shift) app.navigation.go(view);
  else if (key === "k" && !shift) dial(app);
  else if (key === "enter" && app.ringing[0]) void app.run(app.host.accept(app.ringing[0].id));
  else if (key === "m" && shift && call) void app.run(app.host.mute(!call.muted));
  else if (key === "h" && shift && call) void app.run(app.host.hold(call.id, !call.held_here));
  else if (key === "e" && shift && call) void app.run(app.host.hangUp(call.id));
  else return false;
  return true;
}

function dial(app: AppState) {
  app.navigation.go("people");
  requestAnimationFrame(() => document.getElementById("dialler")?.focus());
}
