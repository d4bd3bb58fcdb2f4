import type {
  AccountDevice,
  AppError,
  AppEvent,
  CallView,
  Contact,
  DoctorLine,
  Settings,
  SignedIn,
  SoundDevices,
  WindowView,
} from "./bindings";

export type * from "./bindings";

/** Ends what it was given for. */
export type Stop = () => void;
export type Heard = (event: AppEvent) => void;

/**
 * All that the window can ask of the program around it. `tauri.ts` is the real one, `mock.ts` a scripted one; nothing else in the
 * window knows which it talks to. Every promise rejects with an `AppError`.
 */
export interface Host {
  /** Milliseconds since 1970, by the clock that the models' times are told in. */
  now(): number;

  window(): Promise<WindowView>;
  /** Whole models as they change, statistics once a second. */
  listen(heard: Heard): Promise<Stop>;
  /** The link that the program was started with, once; from then on links are told. */
  startLink(): Promise<string | null>;
  /** Levels, some fifteen times a second: for as long as they are looked at. One at a time watches. */
  watchLevels(heard: Heard): Promise<Stop>;

  signUp(invitation: string, account: string, password: string, device: string | null): Promise<SignedIn>;
  signIn(server: string | null, account: string, password: string, device: string | null): Promise<SignedIn>;
  signOut(forgetKeys: boolean): Promise<void>;
  retryStart(): Promise<void>;

  call(name: string): Promise<CallView>;
  accept(call: number): Promise<void>;
  decline(call: number): Promise<void>;
  hangUp(call: number): Promise<void>;
  hold(call: number, held: boolean): Promise<void>;
  mute(muted: boolean): Promise<void>;
  ptt(down: boolean): Promise<void>;
  /** The file, when recording begins. */
  record(on: boolean): Promise<string | null>;
  watchRoute(call: number, on: boolean): Promise<void>;

  sendText(name: string, text: string): Promise<number>;
  complete(typed: string): Promise<Contact[]>;
  setContact(contact: Contact): Promise<void>;
  removeContact(name: string): Promise<void>;
  clearHistory(): Promise<void>;
  markMissedSeen(): Promise<void>;
  /** Of somebody, or of this account. */
  safetyNumber(name: string | null): Promise<string>;
  setVerified(name: string, verified: boolean): Promise<void>;

  setSettings(settings: Settings): Promise<void>;
  soundDevices(): Promise<SoundDevices>;
  microphoneTest(on: boolean): Promise<void>;
  echoTest(on: boolean): Promise<void>;
  accountDevices(): Promise<AccountDevice[]>;
  /** What another machine signs in with. */
  deviceLink(): Promise<string>;
  invite(): Promise<string>;
  autostart(): Promise<boolean>;
  setAutostart(on: boolean): Promise<void>;

  /** The whole report, after some five seconds. */
  doctor(): Promise<DoctorLine[]>;
  recentLog(): Promise<string[]>;
  /** The file that was written. */
  exportDiagnostics(): Promise<string>;

  showWindow(): Promise<void>;
  quit(): Promise<void>;
}

export function isAppError(thrown: unknown): thrown is AppError {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown;
}
