import type { MockHost } from "../mock";
import { every } from "./clock";

type World = (host: MockHost) => void;

const TALK_SO_FAR = 72;
const INVITATION = "legato://invite/AbCdEfGhIjKl";

function talking(host: MockHost) {
  const call = host.begin("bob@example.org", true);
  call.talk(TALK_SO_FAR);
  return call;
}

/** What `?world=` may say; `failed-CODE`, `error-CODE` and `ended-REASON` take any code or reason. */
const WORLDS: Record<string, World> = {
  "signed-out": (host) => host.stage({ is: "signed_out" }),
  starting: (host) => host.stage({ is: "starting", me: "alice@example.org (laptop)" }),
  empty: (host) => host.ready({ empty: true }),
  full: (host) => host.ready(),
  offline: (host) => {
    host.ready();
    host.lose();
  },
  incoming: (host) => {
    host.ready();
    host.clock.after(300, () => host.ring("bob@example.org"));
  },
  "incoming-stranger": (host) => {
    host.ready();
    host.clock.after(300, () => host.ring("erin@two.example"));
  },
  "incoming-over": (host) => {
    host.ready();
    talking(host);
    host.clock.after(1500, () => host.ring("carol@example.org"));
  },
  calling: (host) => {
    host.ready();
    host.begin("bob@example.org", true).change({ state: "ringing_there" });
  },
  call: (host) => {
    host.ready();
    talking(host);
  },
  handovers: (host) => {
    host.ready();
    const call = talking(host);
    every(host.clock, 10_000, () => call.handover());
  },
  outage: (host) => {
    host.ready();
    const call = talking(host);
    call.after(5000, () => call.outage(8000));
  },
  written: (host) => {
    host.ready();
    talking(host);
    host.clock.after(300, () => host.receive("bob@example.org", "Platform 4"));
    host.clock.after(400, () => host.receive("carol@example.org", "Lunch?"));
    host.clock.after(500, () => host.receive("carol@example.org", "At one?"));
    host.clock.after(600, () => host.receive("zoe@two.example", "You don't know me"));
  },
  unanswered: (host) => {
    host.stage({ is: "starting", me: "alice@example.org (laptop)" });
    const message = "the coordinator does not answer: check the network, or ask its operator";
    host.clock.after(300, () => host.tell({ event: "problem", code: "no-service", message }));
    host.clock.after(60_000, () => host.ready());
  },
  invited: (host) => {
    host.stage({ is: "signed_out" });
    host.startedWith(INVITATION);
    host.clock.after(10_000, () => host.tell({ event: "deep_link", name: INVITATION }));
  },
  "invited-late": (host) => {
    host.stage({ is: "signed_out" });
    host.clock.after(200, () => host.tell({ event: "deep_link", name: INVITATION }));
    host.clock.after(400, () => host.tell({ event: "deep_link", name: "legato://server/AbCdEf" }));
  },
  "invited-in-vain": (host) => {
    host.ready();
    host.startedWith(INVITATION);
  },
  link: (host) => {
    host.ready();
    host.clock.after(200, () => host.tell({ event: "deep_link", name: "carol@example.org" }));
  },
};

const FAMILIES: Record<string, (host: MockHost, code: string) => void> = {
  failed: (host, code) =>
    host.stage({
      is: "failed",
      me: "alice@example.org (laptop)",
      error: { code, message: `the program says: ${code}` },
    }),
  error: (host, code) => {
    host.ready();
    host.refuse(code);
    host.clock.after(400, () => host.tell({ event: "problem", code, message: `the program says: ${code}` }));
  },
  ended: (host, reason) => {
    host.ready();
    const call = host.begin("bob@example.org", true);
    call.after(800, () => call.end(reason, `the program says: ${reason}`));
  },
};

/** Sets the world of this name up; an unknown name is the full one. */
export function build(name: string, host: MockHost) {
  const [family = "", ...rest] = name.split("-");
  const world = WORLDS[name];
  if (world) world(host);
  else if (FAMILIES[family] && rest.length > 0) FAMILIES[family](host, rest.join("-"));
  else host.ready();
}

export const WORLD_NAMES = Object.keys(WORLDS);
