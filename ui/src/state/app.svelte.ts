import { getContext, setContext } from "svelte";
import type {
  AppError,
  AppEvent,
  CallView,
  Contact,
  DoctorLine,
  Host,
  RoutePicture,
  Settings,
  Snapshot,
  Stage,
  StatsView,
} from "../ipc/host";
import { isAppError } from "../ipc/host";
import { withHandover, withOutage, type Move } from "./moves";
import { Navigation } from "./navigation.svelte";
import { added, nothingYet, type Series } from "./series";

const CONTEXT = Symbol("app");
/** Below this many dBFS a meter shows nothing. */
export const SILENCE = -60;

/** All models as the program last told them, and the window's own state. Views read it; only events and `run` change it. */
export class AppState {
  host: Host;
  navigation = new Navigation();
  stage = $state.raw<Stage | null>(null);
  version = $state("");
  systemLocale = $state("en");
  online = $state(true);

  calls = $state.raw<CallView[]>([]);
  contacts = $state.raw<Contact[]>([]);
  history = $state.raw<Snapshot["history"]>([]);
  settings = $state.raw<Settings | null>(null);
  texts = $state.raw<Snapshot["texts"]>([]);
  me = $state("");
  safetyNumber = $state("");
  keystore = $state<Snapshot["keystore"]>("keyring");
  device = $state("");

  moves = $state.raw<Record<number, Move[]>>({});
  series = $state.raw<Record<number, Series>>({});
  figures = $state.raw<Record<number, StatsView>>({});
  picture = $state.raw<RoutePicture | null>(null);
  levels = $state.raw({ microphone: SILENCE, ear: SILENCE, speaking: false });
  sound = $state.raw<{ device: string; stands_in: boolean } | null>(null);
  doctor = $state.raw<DoctorLine[]>([]);
  /** The file that the calls are recorded into. */
  recording = $state<string | null>(null);
  /** A file that was just written, to be told of until it is put away. */
  written = $state<string | null>(null);
  problem = $state.raw<AppError | null>(null);
  /** A name that a link wants to call: filled in, never dialled. */
  dialled = $state("");
  deepLinked = $state(false);
  /** A server's invitation or its own link: filled into the sign-in. */
  introduction = $state("");
  /** Texts that came and were not looked at, by who wrote them. */
  unread = $state.raw<Record<string, number>>({});
  /** Whose texts are looked at. */
  #reading: string | null = null;
  /** When missed calls were last looked at. */
  seenMissed = $state(0);
  now = $state(0);

  constructor(host: Host) {
    this.host = host;
    this.now = host.now();
  }

  /** Asks for everything once, and listens from then on; gives what ends it. */
  async start(): Promise<() => void> {
    const stop = await this.host.listen(this.#heard);
    const view = await this.host.window();
    this.#heard({ event: "window", view });
    const link = await this.host.startLink();
    if (link !== null) this.#follow(link);
    return stop;
  }

  /** Meters are in sight, until what it gives is called. */
  watchLevels = () => {
    const watched = this.host.watchLevels(this.#heard);
    return () => {
      this.levels = { microphone: SILENCE, ear: SILENCE, speaking: false };
      void watched.then((stop) => stop());
    };
  };

  /** Somebody's texts are in sight, until what it gives is called. */
  read = (name: string) => {
    this.#reading = name;
    if (name in this.unread)
      this.unread = Object.fromEntries(Object.entries(this.unread).filter(([from]) => from !== name));
    return () => {
      if (this.#reading === name) this.#reading = null;
    };
  };

  /** A recording ended, by the button or with the last call. */
  recorded = () => {
    this.written = this.recording ?? this.written;
    this.recording = null;
  };

  tick = () => {
    this.now = this.host.now();
  };

  /** In a call what is told every second moves the clock as well: a second picture of the window has its price. */
  tickIfLate = () => {
    if (this.host.now() - this.now >= 900) this.tick();
  };

  /** Does something that may be refused; then the refusal is shown in words. */
  run = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (thrown) {
      this.problem = asError(thrown);
      return undefined;
    }
  };

  change = (some: Partial<Settings>) => {
    if (this.settings) void this.run(this.host.setSettings({ ...this.settings, ...some }));
  };

  // ---- what is derived

  live = $derived(this.calls.filter((c) => c.state !== "ended"));
  /** The call to look at: one that talks before one that rings before one on hold, and the last that ended. */
  current = $derived(inFront(this.calls));
  ringing = $derived(this.live.filter((c) => c.state === "ringing_here"));
  missed = $derived(this.history.filter((c) => c.missed && !c.seen && c.at_ms > this.seenMissed).length);
  unreadTexts = $derived(Object.values(this.unread).reduce((sum, n) => sum + n, 0));

  contact = (name: string) => this.contacts.find((c) => c.name === name);
  /** What a person is called here: the nickname, or the part before the at. */
  called = (name: string) => this.contact(name)?.nick || name.split("@")[0] || name;

  dismiss = (call: number) => {
    this.calls = this.calls.filter((c) => c.id !== call);
  };

  // ---- what is told

  /** While the route is looked at its picture follows the figures at once, and both are drawn as one: each drawing has its price. */
  #figuresToCome: Extract<AppEvent, { event: "statistics" }> | null = null;
  #watchesRoute = false;

  watchRoute = (call: number) => {
    this.#watchesRoute = true;
    void this.run(this.host.watchRoute(call, true));
    return () => {
      this.#watchesRoute = false;
      void this.host.watchRoute(call, false).catch(() => undefined);
    };
  };

  #heard = (event: AppEvent) => {
    const before = this.#figuresToCome;
    this.#figuresToCome = null;
    if (event.event === "statistics" && this.#watchesRoute && !before) {
      this.#figuresToCome = event;
      return;
    }
    if (before) this.#take(before);
    this.#take(event);
  };

  #take = (event: AppEvent) => {
    if (event.event !== "levels") this.tick();
    switch (event.event) {
      case "window":
        return this.#window(event.view.stage, event.view.version, event.view.locale);
      case "registered":
        this.me = event.me;
        this.online = true;
        return;
      case "servers_lost":
        this.online = false;
        return;
      case "call":
        return this.#call(event);
      case "statistics":
        this.figures = { ...this.figures, [event.call]: event.statistics };
        this.series = {
          ...this.series,
          [event.call]: added(this.series[event.call] ?? nothingYet, this.now, event.statistics),
        };
        return;
      case "handover":
        this.moves = {
          ...this.moves,
          [event.call]: withHandover(this.moves[event.call] ?? [], event.handover),
        };
        return;
      case "outage":
        this.moves = {
          ...this.moves,
          [event.call]: withOutage(this.moves[event.call] ?? [], event.outage, this.now),
        };
        return;
      case "levels":
        this.levels = event;
        return;
      case "sound":
        this.sound = event;
        return;
      case "problem":
        this.problem = { code: event.code, message: event.message };
        // What was written before can be played.
        if (event.code === "disk-full" || event.code === "file-full") this.recorded();
        return;
      case "contacts":
        this.contacts = event.contacts;
        return;
      case "history":
        this.history = event.history;
        return;
      case "settings":
        this.settings = event.settings;
        return;
      case "text":
        if (this.#reading !== event.from)
          this.unread = { ...this.unread, [event.from]: (this.unread[event.from] ?? 0) + 1 };
        return;
      case "texts":
        this.texts = event.texts;
        return;
      case "route":
        this.picture = event.picture;
        return;
      case "deep_link":
        return this.#follow(event.name);
      default:
        // Of no use in a window: an examination answers with all its lines, what became of a text is in the texts, and push-to-talk shows as mute.
        return;
    }
  };

  #window(stage: Stage, version: string, locale: string) {
    this.stage = stage;
    this.version = version;
    this.systemLocale = locale;
    // Calls are counted anew for whoever comes next.
    if (stage.is === "signed_out") [this.moves, this.series, this.figures, this.unread] = [{}, {}, {}, {}];
    if (stage.is !== "ready") return;
    if (["no-service", "not-yet"].includes(this.problem?.code ?? "")) this.problem = null;
    const s = stage.snapshot;
    this.calls = s.calls;
    this.contacts = s.contacts;
    this.history = s.history;
    this.settings = s.settings;
    this.texts = s.texts;
    this.me = s.me;
    this.safetyNumber = s.safety_number;
    this.keystore = s.keystore;
    this.device = s.device;
    this.online = s.online;
    this.recording = s.recording;
    for (const { call, handovers } of s.handovers)
      this.moves = { ...this.moves, [call]: handovers.reduce(withHandover, this.moves[call] ?? []) };
    // A window that comes back in the middle of a call.
    if (s.calls.length > 0 && location.hash === "") this.navigation.go("call");
  }

  #follow(link: string) {
    if (!isIntroduction(link)) {
      this.dialled = link;
      this.deepLinked = true;
      this.navigation.go("people");
    } else if (this.stage?.is === "signed_out") {
      this.introduction = link;
    } else {
      this.problem = { code: "signed-in", message: link };
    }
  }

  #call(call: CallView) {
    const before = this.calls.find((c) => c.id === call.id);
    const isNew = before === undefined;
    const others = this.calls.filter((c) => c.id !== call.id && (c.state !== "ended" || !isNew));
    this.calls = [...others, call].sort((a, b) => a.id - b.id);
    // Whoever calls or answers wants to see it; what comes in asks over whatever is looked at.
    const isTaken = before?.state === "ringing_here" && call.state === "talking";
    if ((isNew && call.outgoing) || isTaken) this.navigation.go("call");
    if (this.live.length === 0 && this.recording !== null) this.recorded();
  }
}

const FRONT: CallView["state"][] = ["talking", "ringing_there", "calling", "ringing_here", "held", "ended"];

function inFront(calls: CallView[]): CallView | null {
  const rank = (c: CallView) => FRONT.indexOf(c.state);
  return [...calls].sort((a, b) => rank(a) - rank(b) || b.id - a.id)[0] ?? null;
}

function asError(thrown: unknown): AppError {
  return isAppError(thrown) ? thrown : { code: "other", message: String(thrown) };
}

/** What a server is joined by, and nobody's name. */
const isIntroduction = (link: string) => /^legato:\/\/(invite|server)\//.test(link);

export function provide(app: AppState) {
  setContext(CONTEXT, app);
}

export function useApp(): AppState {
  return getContext<AppState>(CONTEXT);
}
