import type {
  AccountDevice,
  Contact,
  DoctorLine,
  PastCall,
  Settings,
  SoundDevices,
  TextView,
} from "../bindings";

export const ME = "alice@example.org";
export const DEVICE = "laptop";
export const SAFETY = "48213 90671 15532 70048 26619 83405";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const FIRST_SETTINGS: Settings = {
  microphone: null,
  speaker: null,
  volume: 1,
  echo_cancellation: "auto",
  noise_suppression: true,
  gain_control: true,
  low_delay: false,
  theme: "auto",
  language: "auto",
  push_to_talk: false,
  ptt_shortcut: "Ctrl+Alt+Space",
  notifications: true,
  presence: false,
  close_to_tray: true,
};

export function contacts(japanese: boolean): Contact[] {
  const nick = (en: string, ja: string) => (japanese ? ja : en);
  return [
    person("bob@example.org", nick("Bob", "ボブ"), { favourite: true, verified: true, presence: "online" }),
    person("hanako@example.org", nick("Mother", "母"), { favourite: true, presence: "offline" }),
    person("carol@example.org", nick("Carol Lindqvist", "田中 かおる"), { presence: "online" }),
    person("dave@two.example", nick("Dave, the other house", "デイブ（向かいの家）")),
    person("echo@example.org", nick("Echo", "エコー"), { presence: "online" }),
    person("maximiliane.oppenheimer-wittgenstein@a-rather-long-name.example", "", { presence: "offline" }),
    person("yuki@example.org", nick("Yuki", "由紀"), { verified: true, presence: "online" }),
  ];
}

function person(name: string, nick: string, more: Partial<Contact> = {}): Contact {
  return { name, nick, favourite: false, verified: false, presence: "unknown", ...more };
}

export function history(now: number): PastCall[] {
  const past = (ago: number, name: string, more: Partial<PastCall>): PastCall => ({
    at_ms: now - ago,
    with: name,
    outgoing: false,
    ended: "hung_up",
    missed: false,
    seconds: 0,
    handovers: 0,
    lost_ms: 0,
    ...more,
  });
  return [
    past(25 * MINUTE, "hanako@example.org", { ended: "no_answer", missed: true }),
    past(2 * HOUR, "bob@example.org", { outgoing: true, seconds: 754, handovers: 3 }),
    past(3 * HOUR, "carol@example.org", { outgoing: true, ended: "busy" }),
    past(5 * HOUR, "erin@two.example", { ended: "cancelled", missed: true }),
    past(DAY + HOUR, "yuki@example.org", { seconds: 3721, handovers: 1, lost_ms: 40 }),
    past(DAY + 4 * HOUR, "bob@example.org", { seconds: 61 }),
    past(2 * DAY, "dave@two.example", { outgoing: true, ended: "offline" }),
    past(6 * DAY, "hanako@example.org", { outgoing: true, seconds: 1288, handovers: 2 }),
  ];
}

export function texts(now: number, japanese: boolean): TextView[] {
  const say = (en: string, ja: string) => (japanese ? ja : en);
  const text = (id: number, ago: number, outgoing: boolean, text: string, state: TextView["state"]) => ({
    id,
    with: "bob@example.org",
    outgoing,
    text,
    at_ms: now - ago,
    state,
  });
  return [
    text(
      1,
      3 * HOUR,
      false,
      say("Train leaves at four. Call you from the platform?", "電車は4時。ホームから電話していい？"),
      "received",
    ),
    text(
      2,
      3 * HOUR - MINUTE,
      true,
      say("Yes, and keep talking through the tunnel.", "いいよ。トンネルでもそのまま話そう。"),
      "delivered",
    ),
    text(3, 20 * MINUTE, true, say("How far did we get?", "どこまで話せた？"), "failed"),
  ];
}

export const SOUND: SoundDevices = {
  microphones: [
    { id: "pw:mic-builtin", name: "Built-in microphone", is_default: true },
    { id: "pw:mic-usb", name: "USB Headset", is_default: false },
  ],
  speakers: [
    { id: "pw:out-builtin", name: "Built-in speakers", is_default: true },
    { id: "pw:out-usb", name: "USB Headset", is_default: false },
  ],
};

export function accountDevices(now: number): AccountDevice[] {
  return [
    { name: "laptop", this_one: true, last_seen_ms: now },
    { name: "phone", this_one: false, last_seen_ms: now - 12 * MINUTE },
    { name: "kitchen", this_one: false, last_seen_ms: null },
  ];
}

/** As the program tells it; a server has several doors. */
export const DOCTOR: DoctorLine[] = [
  { topic: "calls", verdict: "good", words: "calls go directly in most cases", advice: null },
  { topic: "network", verdict: "good", words: "wlan0", advice: null },
  { topic: "ipv4", verdict: "limited", words: "yes, with a private address", advice: null },
  { topic: "ipv6", verdict: "unknown", words: "no", advice: null },
  {
    topic: "nat",
    verdict: "good",
    words: "shows one address to everybody: good for direct calls",
    advice: null,
  },
  {
    topic: "coordinator",
    verdict: "good",
    words: "203.0.113.5:7930 answers, round trip 24 ms",
    advice: null,
  },
  {
    topic: "coordinator",
    verdict: "bad",
    words: "203.0.113.5:443 does not answer",
    advice: "ask the operator: where 443/udp is open, calls work in networks that let nothing else out",
  },
  { topic: "relay", verdict: "good", words: "rs1: round trip 27 ms, load 4 %", advice: null },
  { topic: "relay", verdict: "good", words: "rs2: round trip 61 ms, load 2 %", advice: null },
  { topic: "accounts", verdict: "good", words: "https://example.org answers", advice: null },
  { topic: "clock", verdict: "good", words: "0.02 s ahead of the coordinator's", advice: null },
];

export const LOG = [
  "14:01:58 INFO  registered with the coordinator",
  "14:02:10 INFO  a call begins",
  "14:02:12 INFO  a direct path is proved: round trip 23 ms",
  "14:02:31 WARN  the network in use is gone",
  "14:02:31 INFO  the tunnel moved in 84 ms",
];
