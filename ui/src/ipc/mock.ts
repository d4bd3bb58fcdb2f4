import type {
  AppError,
  AppEvent,
  CallView,
  Contact,
  Settings,
  Snapshot,
  Stage,
  WindowView,
} from "./bindings";
import type { Heard, Host, Stop } from "./host";
import { MockCall } from "./mock/call";
import { every, ManualClock, RealClock, type Clock } from "./mock/clock";
import * as people from "./mock/people";
import { random } from "./mock/random";
import { build } from "./mock/worlds";

/** 29 November 2026, 14:03 UTC: when a clock that is moved by hand begins. */
const BEGIN = Date.UTC(2026, 10, 29, 14, 3);
const RING_FOR = 60_000;
const RECORDING = "~/Music/Legato/2026-11-29 14-04 bob.wav";

/** A host without a program: a scripted world in the browser. The same seed and clock tell the same story. */
export class MockHost implements Host {
  clock: Clock;
  random: () => number;
  #japanese: boolean;
  #stage: Stage = { is: "signed_out" };
  #calls: MockCall[] = [];
  #texts: Snapshot["texts"] = [];
  #heard = new Set<Heard>();
  /** Whoever looks at levels. */
  #levels: Heard | null = null;
  #nextId = 1;
  #refusal: AppError | null = null;
  #startLink: string | null = null;
  #autostart = false;
  #test: Stop | null = null;

  constructor(options: { clock?: Clock; seed?: number; japanese?: boolean; world?: string }) {
    this.clock = options.clock ?? new RealClock();
    this.random = random(options.seed ?? 1);
    this.#japanese = options.japanese ?? false;
    build(options.world ?? "full", this);
  }

  // ---- what worlds are made of

  tell = (event: AppEvent) => {
    if (event.event === "levels") this.#levels?.(event);
    else this.#heard.forEach((heard) => heard(event));
  };

  stage(stage: Stage) {
    this.#stage = stage;
    this.#tellWindow();
  }

  ready({ empty = false, settings = people.FIRST_SETTINGS }: { empty?: boolean; settings?: Settings } = {}) {
    const now = this.clock.now();
    this.#texts = empty ? [] : people.texts(now, this.#japanese);
    const snapshot: Snapshot = {
      me: `${people.ME} (${people.DEVICE})`,
      safety_number: people.SAFETY,
      calls: [],
      contacts: empty ? [] : people.contacts(this.#japanese),
      history: empty ? [] : people.history(now),
      settings,
      texts: this.#texts,
      online: true,
      keystore: "keyring",
      muted: false,
      handovers: [],
      recording: null,
      device: people.DEVICE,
    };
    this.stage({ is: "ready", snapshot });
  }

  /** Somebody wrote. */
  receive(name: string, text: string) {
    const [id, at_ms] = [100 + this.#texts.length, this.clock.now()];
    this.tell({ event: "text", from: name, text });
    this.#setTexts([...this.#texts, { id, with: name, outgoing: false, text, at_ms, state: "received" }]);
  }

  lose() {
    this.#snapshot().online = false;
    this.tell({ event: "servers_lost" });
  }

  /** From now on every command fails so. */
  refuse(code: string) {
    this.#refusal = { code, message: `the program says: ${code}` };
  }

  /** The program was started by this link. */
  startedWith(link: string) {
    this.#startLink = link;
  }

  begin(name: string, outgoing: boolean): MockCall {
    const call = new MockCall({ ...this, over: (call) => this.#over(call) }, this.#nextId++, name, outgoing);
    this.#calls.push(call);
    this.tell({ event: "call", ...call.view });
    return call;
  }

  ring(name: string) {
    const call = this.begin(name, false);
    call.after(RING_FOR, () => call.end("no_answer"));
  }

  // ---- Host

  now = () => this.clock.now();

  async window(): Promise<WindowView> {
    return structuredClone(this.#window());
  }

  async startLink(): Promise<string | null> {
    const link = this.#startLink;
    this.#startLink = null;
    return link;
  }

  async listen(heard: Heard): Promise<Stop> {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }

  async watchLevels(heard: Heard): Promise<Stop> {
    this.#levels = heard;
    return () => (this.#levels = null);
  }

  async signUp(invitation: string, account: string, password: string) {
    if (!invitation.startsWith("legato://invite/")) this.#fail("bad-input", "this is not an invitation link");
    return this.#signIn(account, password);
  }

  async signIn(_server: string | null, account: string, password: string) {
    if (password.length < 8) this.#fail("account", "wrong account or password: check both and try again");
    return this.#signIn(account, password);
  }

  async signOut() {
    this.#calls.forEach((call) => call.end("stopped"));
    this.stage({ is: "signed_out" });
  }

  async retryStart() {
    this.stage({ is: "starting", me: `${people.ME} (${people.DEVICE})` });
    this.clock.after(1200, () => this.ready());
  }

  async call(name: string): Promise<CallView> {
    this.#check();
    const full = this.#fullName(name);
    const call = this.begin(full, true);
    this.#play(call, full);
    return call.view;
  }

  async accept(id: number) {
    this.#check();
    this.#calls.filter((c) => c.view.state === "talking").forEach((c) => c.hold(true));
    this.#find(id).talk();
  }

  async decline(id: number) {
    this.#find(id).end("declined");
  }

  async hangUp(id: number) {
    const call = this.#find(id);
    call.end(call.view.answered_ms ? "hung_up" : "cancelled");
  }

  async hold(id: number, held: boolean) {
    if (!held)
      this.#calls.filter((c) => c.view.id !== id && c.view.state === "talking").forEach((c) => c.hold(true));
    this.#find(id).hold(held);
  }

  async mute(muted: boolean) {
    this.#calls.forEach((call) => call.view.state !== "ended" && call.change({ muted }));
  }

  async ptt(down: boolean) {
    await this.mute(!down);
    this.tell({ event: "ptt", down });
  }

  async record(on: boolean) {
    this.#check();
    const live = this.#calls.some((c) => c.view.state !== "ended");
    if (!live) this.#fail("no-such-call", "there is no call to record");
    this.#snapshot().recording = on ? RECORDING : null;
    return on ? RECORDING : null;
  }

  async watchRoute(id: number, on: boolean) {
    const call = this.#calls.find((c) => c.view.id === id);
    if (!call) return;
    call.watched = on;
    if (on) call.tellPicture();
  }

  async sendText(name: string, text: string) {
    this.#check();
    const id = 100 + this.#texts.length;
    const at_ms = this.clock.now();
    this.#setTexts([...this.#texts, { id, with: name, outgoing: true, text, at_ms, state: "sending" }]);
    const arrived = this.#contact(name)?.presence !== "offline";
    this.clock.after(600, () => this.#textDone(id, arrived));
    return id;
  }

  async complete(typed: string): Promise<Contact[]> {
    const low = typed.trim().toLowerCase();
    const rank = (c: Contact) => [c.name, c.nick ?? ""].some((n) => n.toLowerCase().startsWith(low));
    const holds = (c: Contact) => [c.name, c.nick ?? ""].some((n) => n.toLowerCase().includes(low));
    const found = this.#snapshot().contacts.filter(holds);
    return found.sort((a, b) => Number(rank(b)) - Number(rank(a))).slice(0, 8);
  }

  async setContact(contact: Contact) {
    this.#check();
    const others = this.#snapshot().contacts.filter((c) => c.name !== contact.name);
    this.#setContacts([...others, { ...contact, name: this.#fullName(contact.name) }]);
  }

  async removeContact(name: string) {
    this.#check();
    this.#setContacts(this.#snapshot().contacts.filter((c) => c.name !== name));
  }

  async clearHistory() {
    this.#setHistory([]);
  }

  async markMissedSeen() {
    this.#setHistory(this.#snapshot().history.map((c) => ({ ...c, seen: true })));
  }

  async safetyNumber(name: string | null) {
    this.#check();
    return name === null ? people.SAFETY : "90417 22856 61309 75520 13398 40072";
  }

  async setVerified(name: string, verified: boolean) {
    this.#setContacts(this.#snapshot().contacts.map((c) => (c.name === name ? { ...c, verified } : c)));
  }

  async setSettings(settings: Settings) {
    this.#check();
    const before = this.#snapshot().settings.push_to_talk;
    this.#snapshot().settings = structuredClone(settings);
    if (before !== settings.push_to_talk) await this.mute(settings.push_to_talk);
    this.tell({ event: "settings", settings: structuredClone(settings) });
  }

  async soundDevices() {
    return people.SOUND;
  }

  async microphoneTest(on: boolean) {
    this.#check();
    this.#test?.();
    this.#test = on ? every(this.clock, 66, () => this.#testLevel()) : null;
  }

  async echoTest(on: boolean) {
    await this.microphoneTest(on);
  }

  async accountDevices() {
    this.#check();
    return people.accountDevices(this.clock.now());
  }

  async deviceLink() {
    return "legato://server/example.org?pin=9f2c41";
  }

  async invite() {
    this.#check();
    return "legato://invite/example.org/K7Q2-M9XD-44TB";
  }

  async autostart() {
    return this.#autostart;
  }

  async setAutostart(on: boolean) {
    this.#autostart = on;
  }

  async doctor() {
    this.#check();
    for (const line of people.DOCTOR) {
      await new Promise<void>((go) => this.clock.after(350, go));
      this.tell({ event: "doctor_line", line });
    }
    return people.DOCTOR;
  }

  async recentLog() {
    return people.LOG;
  }

  async exportDiagnostics() {
    this.#check();
    return "~/Documents/legato-diagnostics-2026-11-29.txt";
  }

  async showWindow() {}

  async quit() {}

  // ---- how the world answers

  /** What becomes of an outgoing call depends on who is called. */
  #play(call: MockCall, name: string) {
    const contact = this.#contact(name);
    if (name === people.ME) call.after(100, () => call.end("yourself"));
    else if (!contact) call.after(900, () => call.end("no_such_person"));
    else if (contact.presence === "offline") call.after(1400, () => call.end("offline"));
    else {
      call.after(700, () => call.change({ state: "ringing_there" }));
      call.after(2600, () => call.talk());
    }
  }

  #over(call: MockCall) {
    const { view } = call;
    const now = this.clock.now();
    const seconds = view.answered_ms ? Math.round((now - view.answered_ms) / 1000) : 0;
    const ended = view.ended?.reason ?? "";
    const missed = !view.outgoing && ["no_answer", "cancelled"].includes(ended);
    const { with: name, outgoing, handovers, lost_ms, began_ms: at_ms } = view;
    const past = { at_ms, with: name, outgoing, ended, missed, seconds, handovers, lost_ms };
    this.#setHistory([past, ...this.#snapshot().history]);
  }

  #signIn(account: string, password: string) {
    if (password.length < 8) this.#fail("account", "the password is too short: take at least 8 characters");
    const me = `${account.includes("@") ? account : `${account}@example.org`} (laptop)`;
    this.clock.after(400, () => this.stage({ is: "starting", me }));
    this.clock.after(1600, () => this.ready({ empty: true }));
    return { me, remark: null };
  }

  #testLevel() {
    const microphone = -18 - this.random() * 30;
    this.tell({ event: "levels", microphone, ear: microphone - 6, speaking: microphone > -40 });
  }

  #textDone(id: number, arrived: boolean) {
    const state = arrived ? "delivered" : "failed";
    this.#setTexts(this.#texts.map((t) => (t.id === id ? { ...t, state } : t)));
    const why = arrived ? null : { reason: "offline", words: "not reachable now" };
    this.tell({ event: "text_done", text: id, delivered: arrived, why });
  }

  #fullName(name: string) {
    const low = name.trim().toLowerCase();
    const known = this.#snapshot().contacts.find((c) => (c.nick ?? "").toLowerCase() === low);
    const bare = known?.name ?? name.trim().replace(/^(sip|legato):/, "");
    if (bare === "" || /\s/.test(bare))
      this.#fail("bad-input", "whom to call? Write a name, such as bob@example.org");
    return bare.includes("@") ? bare : `${bare}@example.org`;
  }

  #contact = (name: string) => this.#snapshot().contacts.find((c) => c.name === name);

  #find(id: number): MockCall {
    return (
      this.#calls.find((c) => c.view.id === id) ??
      this.#fail("no-such-call", "there is no such call any more")
    );
  }

  #setContacts(contacts: Contact[]) {
    contacts.sort((a, b) => Number(b.favourite) - Number(a.favourite) || a.name.localeCompare(b.name));
    this.#snapshot().contacts = contacts;
    this.tell({ event: "contacts", contacts: structuredClone(contacts) });
  }

  #setHistory(history: Snapshot["history"]) {
    this.#snapshot().history = history;
    this.tell({ event: "history", history: structuredClone(history) });
  }

  #setTexts(texts: Snapshot["texts"]) {
    this.#texts = texts;
    this.tell({ event: "texts", texts: structuredClone(texts) });
  }

  #snapshot(): Snapshot {
    return this.#stage.is === "ready"
      ? this.#stage.snapshot
      : this.#fail("not-signed-in", "nobody is signed in here");
  }

  #window(): WindowView {
    const live = this.#calls.filter((c) => c.view.state !== "ended").map((c) => c.view);
    const stage =
      this.#stage.is === "ready"
        ? { ...this.#stage, snapshot: { ...this.#stage.snapshot, calls: live } }
        : this.#stage;
    return { stage, version: "0.1.0", locale: this.#japanese ? "ja" : "en" };
  }

  #tellWindow() {
    this.tell({ event: "window", view: structuredClone(this.#window()) });
  }

  #check() {
    if (this.#refusal) throw this.#refusal;
  }

  #fail(code: string, message: string): never {
    throw { code, message } satisfies AppError;
  }
}

/** The world that the address asks for: `?world=full&lang=ja&seed=1&clock=manual&at=SECONDS`. */
export function fromAddress(search: string): MockHost {
  const query = new URLSearchParams(search);
  const manual = query.get("clock") === "manual" ? new ManualClock(BEGIN) : undefined;
  const host = new MockHost({
    clock: manual,
    seed: Number(query.get("seed") ?? 1),
    japanese: query.get("lang") === "ja",
    world: query.get("world") ?? "full",
  });
  // Tests move the world on by hand.
  if (manual) Object.assign(globalThis, { legatoAdvance: (ms: number) => manual.advance(ms) });
  return host;
}
