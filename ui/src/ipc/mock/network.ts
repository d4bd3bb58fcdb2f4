import type { InterfaceView, PathView, RelayView, RoutePicture, StatsView } from "../bindings";

/** The two networks that the scripted device moves between. */
export type Net = "wifi" | "cellular";

const NAMES: Record<Net, { name: string; addresses: string[] }> = {
  wifi: { name: "wlan0", addresses: ["192.168.7.2", "2001:db8:7::2"] },
  cellular: { name: "wwan0", addresses: ["100.71.4.9"] },
};
const DELAY: Record<Net, number> = { wifi: 23, cellular: 48 };
const PEER = "198.51.100.20:41820";
const RELAY = "203.0.113.5:7930";

/** What of the network a call sees at one moment. */
export interface Ways {
  up: Net[];
  used: Net | null;
  by: "direct" | "relay";
  /** Milliseconds since anything was heard. */
  silence: number;
}

function interfaces(ways: Ways): InterfaceView[] {
  return ways.up.map((net) => ({ ...NAMES[net], kind: net, preferred: net === ways.used }));
}

function path(net: Net, kind: PathView["kind"], ways: Ways, wobble: number): PathView {
  const isUp = ways.up.includes(net);
  const inUse = isUp && ways.used === net && ways.by === kind;
  const more = kind === "relay" ? 9 : 0;
  return {
    interface: NAMES[net].name,
    local: `${NAMES[net].addresses[0]}:40712`,
    remote: kind === "direct" ? PEER : RELAY,
    kind,
    relay: kind === "relay" ? "rs1" : null,
    family: "IPv4",
    rtt_ms: isUp ? Math.round((DELAY[net] + more + wobble * 4) * 10) / 10 : null,
    loss: isUp ? Math.round(wobble * 12) / 1000 : null,
    heard_ms_ago: inUse ? ways.silence : isUp ? 400 : 4200,
    state: inUse ? "in_use" : !isUp ? "dead" : kind === "relay" ? "standby" : "probing",
  };
}

export function picture(
  call: number,
  peer: string,
  device: string | null,
  ways: Ways,
  wobble: () => number,
): RoutePicture {
  const relay = (name: string, via: string, rtt: number, load: number): RelayView => ({
    name,
    via,
    rtt_ms: rtt,
    load,
    used: name === "rs1" && ways.by === "relay",
  });
  const nets: Net[] = ["wifi", "cellular"];
  return {
    call,
    here: { device: "laptop", interfaces: interfaces(ways), nat: "friendly", outside: "192.0.2.17:23327" },
    relays: [relay("rs1", RELAY, 27, 0.04), relay("rs2", "203.0.113.77:7930", 41, 0.31)],
    peer: { name: peer, device, address: PEER },
    paths: nets.flatMap((net) => [path(net, "direct", ways, wobble()), path(net, "relay", ways, wobble())]),
  };
}

/** One second's figures; `gone` while nothing comes. */
export function statistics(seconds: number, ways: Ways, delayExtra: number, wobble: () => number): StatsView {
  const gone = ways.used === null || ways.silence > 1000;
  const delay = DELAY[ways.used ?? "wifi"] + (ways.by === "relay" ? 9 : 0);
  return {
    round_trip_ms: gone ? null : Math.round(delay + wobble() * 5),
    loss: gone ? 1 : wobble() < 0.8 ? 0 : Math.round(wobble() * 15) / 1000,
    jitter_ms: Math.round(2 + wobble() * (ways.used === "cellular" ? 9 : 3)),
    playout_delay_ms: Math.round(44 + delayExtra + wobble() * 6),
    bitrate: 32_000,
    sent: seconds * 50,
    heard: seconds * 50,
    recovered_ms: Math.floor(seconds / 9) * 20,
    concealed_ms: Math.floor(seconds / 30) * 20,
    lost_speech_ms: 0,
    backfilled: 0,
    mos: gone ? 1.2 : 4.2,
    quality: gone ? "bad" : "good",
    audio_busy: 0.03,
  };
}
