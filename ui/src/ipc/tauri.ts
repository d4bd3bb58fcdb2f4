import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { AppEvent } from "./bindings";
import type { Heard, Host, Stop } from "./host";

/** The name under which the shell tells everything. */
const EVENT = "legato";

/** The program: commands of the shell by name, and its events. */
export class TauriHost implements Host {
  now = () => Date.now();

  window: Host["window"] = () => invoke("window");
  startLink: Host["startLink"] = () => invoke("start_link");
  async listen(heard: Heard): Promise<Stop> {
    return listen<AppEvent>(EVENT, ({ payload }) => heard(payload));
  }
  async watchLevels(heard: Heard): Promise<Stop> {
    const channel = new Channel<AppEvent>();
    channel.onmessage = heard;
    await invoke("watch_levels", { channel, on: true });
    return () => {
      channel.onmessage = () => undefined;
      void invoke("watch_levels", { channel, on: false });
    };
  }

  signUp: Host["signUp"] = (invitation, account, password, device) =>
    invoke("sign_up", { invitation, account, password, device });
  signIn: Host["signIn"] = (server, account, password, device) =>
    invoke("sign_in", { server, account, password, device });
  signOut: Host["signOut"] = (forgetKeys) => invoke("sign_out", { forgetKeys });
  retryStart: Host["retryStart"] = () => invoke("retry_start");

  call: Host["call"] = (name) => invoke("call", { name });
  accept: Host["accept"] = (call) => invoke("accept", { call });
  decline: Host["decline"] = (call) => invoke("decline", { call });
  hangUp: Host["hangUp"] = (call) => invoke("hang_up", { call });
  hold: Host["hold"] = (call, held) => invoke("hold", { call, held });
  mute: Host["mute"] = (muted) => invoke("mute", { muted });
  ptt: Host["ptt"] = (down) => invoke("ptt", { down });
  record: Host["record"] = (on) => invoke("record", { on });
  watchRoute: Host["watchRoute"] = (call, on) => invoke("watch_route", { call, on });

  sendText: Host["sendText"] = (name, text) => invoke("send_text", { name, text });
  complete: Host["complete"] = (typed) => invoke("complete", { typed });
  setContact: Host["setContact"] = (contact) => invoke("set_contact", { contact });
  removeContact: Host["removeContact"] = (name) => invoke("remove_contact", { name });
  clearHistory: Host["clearHistory"] = () => invoke("clear_history");
  markMissedSeen: Host["markMissedSeen"] = () => invoke("mark_missed_seen");
  safetyNumber: Host["safetyNumber"] = (name) => invoke("safety_number", { name });
  setVerified: Host["setVerified"] = (name, verified) => invoke("set_verified", { name, verified });

  setSettings: Host["setSettings"] = (settings) => invoke("set_settings", { settings });
  soundDevices: Host["soundDevices"] = () => invoke("sound_devices");
  microphoneTest: Host["microphoneTest"] = (on) => invoke("microphone_test", { on });
  echoTest: Host["echoTest"] = (on) => invoke("echo_test", { on });
  accountDevices: Host["accountDevices"] = () => invoke("account_devices");
  deviceLink: Host["deviceLink"] = () => invoke("device_link");
  invite: Host["invite"] = () => invoke("invite");
  autostart: Host["autostart"] = () => invoke("autostart");
  setAutostart: Host["setAutostart"] = (on) => invoke("set_autostart", { on });

  doctor: Host["doctor"] = () => invoke("doctor");
  recentLog: Host["recentLog"] = () => invoke("recent_log");
  exportDiagnostics: Host["exportDiagnostics"] = () => invoke("export_diagnostics");

  showWindow: Host["showWindow"] = () => invoke("show_window");
  quit: Host["quit"] = () => invoke("quit");
}
