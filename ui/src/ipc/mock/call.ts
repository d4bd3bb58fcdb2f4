import type { AppEvent, CallView, HandoverView, RouteView } from "../bindings";
import { every, type Clock } from "./clock";
import { picture, statistics, type Net, type Ways } from "./network";

/** What a scripted call needs of the world it is in. */
export interface Around {
  clock: Clock;
  random: () => number;
  tell(event: AppEvent): void;
  /** The call is over: it goes into the history. */
  over(call: MockCall): void;
}

const SPEECH_EVERY = 66;

/** A call that the script plays: it changes, tells of it, and moves between networks. */
export class MockCall {
  view: CallView;
  ways: Ways = { up: ["wifi", "cellular"], used: "wifi", by: "direct", silence: 0 };
  watched = false;
  #seconds = 0;
  #delayExtra = 0;
  #stops: (() => void)[] = [];
  #around: Around;

  constructor(around: Around, id: number, name: string, outgoing: boolean) {
    this.#around = around;
    this.view = {
      id,
      with: name,
      outgoing,
      state: outgoing ? "calling" : "ringing_here",
      began_ms: around.clock.now(),
      muted: false,
      held_here: false,
      held_there: false,
      outage_ms: 0,
      handovers: 0,
      lost_ms: 0,
    };
  }

  change(what: Partial<CallView>) {
    this.view = { ...this.view, ...what };
    this.#around.tell({ event: "call", ...this.view });
    this.tellPicture();
  }

  after(ms: number, what: () => void) {
    this.#stops.push(this.#around.clock.after(ms, what));
  }

  /** Somebody took it. `began` seconds ago, for worlds that start in the middle of a call. */
  talk(ago = 0) {
    const now = this.#around.clock.now();
    this.#seconds = ago;
    this.change({ state: "talking", device: "phone", answered_ms: now - ago * 1000, route: this.#route() });
    this.#stops.push(
      every(this.#around.clock, 1000, () => this.#second()),
      every(this.#around.clock, 1000, () => this.tellPicture()),
      every(this.#around.clock, SPEECH_EVERY, () => this.#levels()),
    );
  }

  hold(held: boolean) {
    this.change({ held_here: held, state: held || this.view.held_there ? "held" : "talking" });
  }

  end(reason: string, words: string = reason) {
    if (this.view.state === "ended") return;
    this.#stops.forEach((stop) => stop());
    this.change({ state: "ended", ended: { reason, words } });
    this.#around.over(this);
  }

  /** The device leaves the network in use for the other one. */
  handover(took = 84) {
    const to: Net = this.ways.used === "wifi" ? "cellular" : "wifi";
    const old = { net: this.ways.used ?? "wifi", route: this.#route() };
    this.ways = {
      up: to === "wifi" ? ["wifi", "cellular"] : ["cellular"],
      used: to,
      by: "relay",
      silence: took,
    };
    this.change({ route: this.#route(), handovers: this.view.handovers + 1 });
    this.#tellHandover(old.net, old.route, to, took);
    this.tellPicture();
    this.after(900, () => {
      this.ways = { ...this.ways, by: "direct", silence: 0 };
      this.change({ route: this.#route() });
    });
  }

  /** Nothing works for so long; then the other network does. */
  outage(ms: number) {
    const from = this.#around.clock.now();
    this.ways = { up: [], used: null, by: "direct", silence: 0 };
    const stop = every(this.#around.clock, 100, () => {
      const silence = this.#around.clock.now() - from;
      this.ways.silence = silence;
      if (silence >= 200) this.change({ outage_ms: silence });
    });
    this.#stops.push(stop);
    this.after(ms, () => {
      stop();
      this.#back(ms);
    });
  }

  tellPicture() {
    if (!this.watched) return;
    const { id, with: name, device } = this.view;
    const { random, tell } = this.#around;
    tell({ event: "route", picture: picture(id, name, device ?? null, this.ways, random) });
  }

  #back(silence: number) {
    const lost = Math.max(0, silence - 1000);
    this.ways = { up: ["cellular"], used: "wifi", by: "direct", silence: 0 };
    this.change({ outage_ms: 0, lost_ms: this.view.lost_ms + lost });
    this.handover(112);
    this.#delayExtra = 380;
    this.after(2000, () => (this.#delayExtra = 0));
    const outage = {
      silence_ms: silence,
      resumed_after_ms: 60,
      lost_speech_ms: lost,
      backfilled: 50,
      extra_delay_ms: 380,
      caught_up_after_ms: 1840,
    };
    this.after(150, () => this.#around.tell({ event: "outage", call: this.view.id, outage }));
  }

  #tellHandover(from: Net, old: RouteView, to: Net, took: number) {
    const handover: HandoverView = {
      at_ms: this.#around.clock.now(),
      reason: to === "cellular" ? "address_gone" : "better_interface",
      old,
      new: this.#route(),
      old_interface: from === "wifi" ? "wlan0" : "wwan0",
      new_interface: to === "wifi" ? "wlan0" : "wwan0",
      lost_packets: 0,
      probe_sent_ms: 2.1,
      peer_answered_ms: Math.round(took * 0.72 * 10) / 10,
      data_resumed_ms: took,
      dc_updated_ms: took + 41,
    };
    this.#around.tell({ event: "handover", call: this.view.id, handover });
  }

  #route(): RouteView {
    return this.ways.by === "direct"
      ? { kind: "direct", remote: "198.51.100.20:41820" }
      : { kind: "relay", via: "203.0.113.5:7930" };
  }

  #second() {
    this.#seconds += 1;
    const figures = statistics(this.#seconds, this.ways, this.#delayExtra, this.#around.random);
    this.#around.tell({ event: "statistics", call: this.view.id, statistics: figures });
  }

  #levels() {
    const phrase = Math.sin(this.#around.clock.now() / 900);
    const loud = (on: boolean) => (on ? -22 - this.#around.random() * 16 : -62);
    const speaking = phrase > 0.1 && !this.view.muted && !this.view.held_here;
    const hears = phrase < -0.1 && this.ways.used !== null && this.view.state === "talking";
    this.#around.tell({ event: "levels", microphone: loud(speaking), ear: loud(hears), speaking });
  }
}
