// Generated from src-tauri/crates/app by its test `bindings`. Do not edit: change the Rust types, then run
// LEGATO_WRITE_BINDINGS=1 cargo test -p voice-app --lib bindings
/* eslint-disable */

/**
 * Something changed.
 */
export type AppEvent = { "event": "registered", 
/**
 * `alice@example.org (laptop)`.
 */
me: string, } | { "event": "servers_lost" } | { "event": "call" } & CallView | { "event": "statistics", 
/**
 * Which call.
 */
call: number, 
/**
 * The figures.
 */
statistics: StatsView, } | { "event": "handover", 
/**
 * Which call.
 */
call: number, 
/**
 * How.
 */
handover: HandoverView, } | { "event": "outage", 
/**
 * Which call.
 */
call: number, 
/**
 * The cost.
 */
outage: OutageView, } | { "event": "levels", 
/**
 * The microphone, dBFS (rms).
 */
microphone: number, 
/**
 * The ear, dBFS (rms).
 */
ear: number, 
/**
 * Somebody speaks here.
 */
speaking: boolean, } | { "event": "text", 
/**
 * `bob@example.org`.
 */
from: string, 
/**
 * What.
 */
text: string, } | { "event": "text_done", 
/**
 * Which.
 */
text: number, 
/**
 * Whether it arrived.
 */
delivered: boolean, 
/**
 * Why not.
 */
why: EndView | null, } | { "event": "sound", 
/**
 * Its name.
 */
device: string, 
/**
 * The chosen one is not there, and this one stands in.
 */
stands_in: boolean, } | { "event": "source_ended" } | { "event": "problem" } & AppError | { "event": "window", 
/**
 * As it is now.
 */
view: WindowView, } | { "event": "contacts", 
/**
 * As they are now.
 */
contacts: Array<Contact>, } | { "event": "history", 
/**
 * As they are now, the latest first.
 */
history: Array<PastCall>, } | { "event": "settings", 
/**
 * As it is now.
 */
settings: Settings, } | { "event": "texts", 
/**
 * As they are now, the oldest first.
 */
texts: Array<TextView>, } | { "event": "route", 
/**
 * As they are now.
 */
picture: RoutePicture, } | { "event": "doctor_line", 
/**
 * What was found.
 */
line: DoctorLine, } | { "event": "deep_link", 
/**
 * Whom the link names.
 */
name: string, } | { "event": "ptt", 
/**
 * It is held down.
 */
down: boolean, };

/**
 * Something went wrong: a code for programs, words for people.
 */
export type AppError = { 
/**
 * What a shell may act on; it stays the same in every language and version.
 */
code: string, 
/**
 * What happened and what to do.
 */
message: string, };

/**
 * The whole window.
 */
export type WindowView = { 
/**
 * How far the program came.
 */
stage: Stage, 
/**
 * The program's version.
 */
version: string, 
/**
 * The system's language: `en`, `ja`, ...
 */
locale: string, };

/**
 * How far the program came.
 */
export type Stage = { "is": "signed_out" } | { "is": "starting", 
/**
 * `alice@example.org (laptop)`.
 */
me: string, } | { "is": "failed", 
/**
 * Who is signed in, where that could be read.
 */
me: string | null, 
/**
 * Why.
 */
error: AppError, } | { "is": "ready", 
/**
 * All there is.
 */
snapshot: Snapshot, };

/**
 * All there is, for a window that opens.
 */
export type Snapshot = { 
/**
 * `alice@example.org (laptop)`.
 */
me: string, 
/**
 * The account's safety number.
 */
safety_number: string, 
/**
 * Calls under way.
 */
calls: Array<CallView>, 
/**
 * People.
 */
contacts: Array<Contact>, 
/**
 * The last calls, the latest first.
 */
history: Array<PastCall>, 
/**
 * What was chosen.
 */
settings: Settings, 
/**
 * What was written, the oldest first.
 */
texts: Array<TextView>, 
/**
 * The servers know this device: it can be called.
 */
online: boolean, 
/**
 * Where the keys lie.
 */
keystore: Keystore, 
/**
 * This device's own name: `laptop`.
 */
device: string, 
/**
 * Nothing of the microphone leaves this machine.
 */
muted: boolean, 
/**
 * The hand-overs of the calls under way.
 */
handovers: Array<CallHandovers>, 
/**
 * The file that the calls are recorded into.
 */
recording: string | null, };

/**
 * What became of a call's networks so far.
 */
export type CallHandovers = { 
/**
 * Which call.
 */
call: number, 
/**
 * Its hand-overs, the oldest first.
 */
handovers: Array<HandoverView>, };

/**
 * Where the keys lie.
 */
export type Keystore = "keyring" | "file";

/**
 * What signing in gave.
 */
export type SignedIn = { 
/**
 * `alice@example.org (laptop)`.
 */
me: string, 
/**
 * The keyring was not to be had, and the keys lie in a file: why.
 */
remark: string | null, };

/**
 * One call.
 */
export type CallView = { 
/**
 * Its number in this program.
 */
id: number, 
/**
 * With whom, as certified: `bob@example.org`.
 */
with: string, 
/**
 * Which device of theirs, once one took it.
 */
device?: string, 
/**
 * This device called.
 */
outgoing: boolean, 
/**
 * Where it is.
 */
state: CallState, 
/**
 * When it began to ring.
 */
began_ms: number, 
/**
 * When it was answered.
 */
answered_ms?: number, 
/**
 * Nothing of the microphone leaves this machine.
 */
muted: boolean, 
/**
 * This side holds the line.
 */
held_here: boolean, 
/**
 * The other one does.
 */
held_there: boolean, 
/**
 * How long nothing has been heard that should have been; 0 while all is well.
 */
outage_ms: number, 
/**
 * Which way it goes.
 */
route?: RouteView, 
/**
 * Hand-overs so far.
 */
handovers: number, 
/**
 * The other's speech that was never heard, milliseconds so far.
 */
lost_ms: number, 
/**
 * Why it is over.
 */
ended?: EndView, };

/**
 * Where a call is.
 */
export type CallState = "calling" | "ringing_there" | "ringing_here" | "talking" | "held" | "ended";

/**
 * Why a call is over.
 */
export type EndView = { 
/**
 * For programs.
 */
reason: string, 
/**
 * For people.
 */
words: string, };

/**
 * Which way packets go.
 */
export type RouteView = { "kind": "direct", 
/**
 * Its address.
 */
remote: string, } | { "kind": "relay", 
/**
 * Its address.
 */
via: string, };

/**
 * A hand-over: phases in milliseconds since it was noticed.
 */
export type HandoverView = { 
/**
 * When it was noticed.
 */
at_ms: number, 
/**
 * `address_gone`, `better_interface`, `path_silent`, `peer_moved`.
 */
reason: string, 
/**
 * The way before.
 */
old?: RouteView, 
/**
 * The way after.
 */
new?: RouteView, 
/**
 * The first probe left.
 */
probe_sent_ms: number | null, 
/**
 * The peer answered.
 */
peer_answered_ms: number | null, 
/**
 * The peer's packets came again.
 */
data_resumed_ms: number | null, 
/**
 * The coordinator knows.
 */
dc_updated_ms: number | null, 
/**
 * The network card before, where it is known.
 */
old_interface?: string, 
/**
 * The network card after, where it is known.
 */
new_interface?: string, 
/**
 * Packets that were lost between the two ways, where the node knows.
 */
lost_packets?: number, };

/**
 * What a gap cost.
 */
export type OutageView = { 
/**
 * Nothing came for so long.
 */
silence_ms: number, 
/**
 * From the first packet after it to the first sound.
 */
resumed_after_ms: number, 
/**
 * Speech of that time that is never heard.
 */
lost_speech_ms: number, 
/**
 * Packets that were sent again, and came in time.
 */
backfilled: number, 
/**
 * How much later than before one was heard, at the most.
 */
extra_delay_ms: number, 
/**
 * From the first packet after it until the delay was as before; 0 as long as it is not.
 */
caught_up_after_ms: number, };

/**
 * Figures of a call: sums since its start, unless it says now.
 */
export type StatsView = { 
/**
 * Round trip now.
 */
round_trip_ms: number | null, 
/**
 * Share of the other's packets lost on the way, now.
 */
loss: number, 
/**
 * Jitter now.
 */
jitter_ms: number, 
/**
 * From arrival to ear, now.
 */
playout_delay_ms: number, 
/**
 * Bits of Opus a second that leave, now.
 */
bitrate: number, 
/**
 * Packets sent.
 */
sent: number, 
/**
 * Packets heard.
 */
heard: number, 
/**
 * Recovered from later packets.
 */
recovered_ms: number, 
/**
 * Invented in the place of lost ones.
 */
concealed_ms: number, 
/**
 * Speech never heard.
 */
lost_speech_ms: number, 
/**
 * Packets that came because they were sent again.
 */
backfilled: number, 
/**
 * Opinion score, 1 to 4.5, now.
 */
mos: number | null, 
/**
 * The same in a word.
 */
quality: string | null, 
/**
 * The audio thread's share of a core, now.
 */
audio_busy: number, };

/**
 * Somebody.
 */
export type Contact = { 
/**
 * `bob@example.org`.
 */
name: string, 
/**
 * What this person is called here.
 */
nick?: string, 
/**
 * Shown before the others.
 */
favourite: boolean, 
/**
 * The two safety numbers were compared, and are the same.
 */
verified: boolean, 
/**
 * Whether a device of theirs is there; never kept.
 */
presence?: Presence, };

/**
 * Whether somebody can be called now.
 */
export type Presence = "online" | "offline" | "unknown";

/**
 * One call that is over.
 */
export type PastCall = { 
/**
 * When it began to ring, milliseconds since 1970.
 */
at_ms: number, 
/**
 * With whom: `bob@example.org`.
 */
with: string, 
/**
 * This device called.
 */
outgoing: boolean, 
/**
 * Why it ended, as a code: `hung_up`, `no_answer`, `answered_elsewhere`, ...
 */
ended: string, 
/**
 * Somebody called, and nobody took it or said no on any device.
 */
missed: boolean, 
/**
 * A missed call that somebody has seen since.
 */
seen?: boolean, 
/**
 * Seconds talked; 0 when it was not answered.
 */
seconds: number, 
/**
 * Hand-overs while talking.
 */
handovers: number, 
/**
 * Milliseconds of the other's speech that were never heard.
 */
lost_ms: number, };

/**
 * One text.
 */
export type TextView = { 
/**
 * Its number here.
 */
id: number, 
/**
 * With whom: `bob@example.org`.
 */
with: string, 
/**
 * This device wrote it.
 */
outgoing: boolean, 
/**
 * What.
 */
text: string, 
/**
 * When it was written, or came.
 */
at_ms: number, 
/**
 * Where it is.
 */
state: TextState, };

/**
 * Where a text is.
 */
export type TextState = "sending" | "delivered" | "failed" | "received";

/**
 * Everything that can be chosen. A file of an older version lacks some; they are as in [`Settings::default`].
 */
export type Settings = { 
/**
 * The microphone's id or name; none is the system's choice.
 */
microphone: string | null, 
/**
 * The loudspeaker's.
 */
speaker: string | null, 
/**
 * Loudness of what is heard, 0 to 2.
 */
volume: number, 
/**
 * Takes the loudspeaker's sound out of the microphone's.
 */
echo_cancellation: Switch, 
/**
 * Takes steady noise away.
 */
noise_suppression: boolean, 
/**
 * Brings voices to the same loudness.
 */
gain_control: boolean, 
/**
 * Packets of 10 ms and small buffers: 20 ms less delay, more data.
 */
low_delay: boolean, 
/**
 * The window's colours.
 */
theme: Theme, 
/**
 * The window's language.
 */
language: Language, 
/**
 * Silent but while the key is held down.
 */
push_to_talk: boolean, 
/**
 * The key for that, in whatever program: `Ctrl+Shift+Space`.
 */
ptt_shortcut: string, 
/**
 * The system shows calls that come in and calls missed.
 */
notifications: boolean, 
/**
 * Contacts who want the same see whether this device is there.
 */
presence: boolean, 
/**
 * Closing the window leaves the telephone on.
 */
close_to_tray: boolean, };

/**
 * A choice that the program can make itself.
 */
export type Switch = "auto" | "on" | "off";

/**
 * The window's colours.
 */
export type Theme = "auto" | "light" | "dark";

/**
 * The window's language.
 */
export type Language = "auto" | "en" | "ja";

/**
 * Every way between this device and another, and which one is used.
 */
export type RoutePicture = { 
/**
 * Which call.
 */
call: number, 
/**
 * This end.
 */
here: Here, 
/**
 * The relay servers that this device knows.
 */
relays: Array<RelayView>, 
/**
 * The other end.
 */
peer: There, 
/**
 * Every way there is.
 */
paths: Array<PathView>, };

/**
 * This device.
 */
export type Here = { 
/**
 * `laptop`.
 */
device: string, 
/**
 * Its network cards that are up.
 */
interfaces: Array<InterfaceView>, 
/**
 * The router before it: `none`, `friendly` (the same address for everybody), `strict` (another for each), or
 * `unknown`.
 */
nat: string | null, 
/**
 * The address that the coordinator sees.
 */
outside: string | null, };

/**
 * A network card.
 */
export type InterfaceView = { 
/**
 * `wlan0`.
 */
name: string, 
/**
 * What it is.
 */
kind: InterfaceKind, 
/**
 * Its addresses.
 */
addresses: Array<string>, 
/**
 * The system sends by it when nobody says otherwise.
 */
preferred: boolean, };

/**
 * What a network card is.
 */
export type InterfaceKind = "wifi" | "cellular" | "wired" | "other";

/**
 * A relay server.
 */
export type RelayView = { 
/**
 * What it is called.
 */
name: string, 
/**
 * Its address.
 */
via: string, 
/**
 * There and back.
 */
rtt_ms: number | null, 
/**
 * How busy it says it is, 0 to 1.
 */
load: number, 
/**
 * The call goes over it now.
 */
used: boolean, };

/**
 * The other device.
 */
export type There = { 
/**
 * `bob@example.org`.
 */
name: string, 
/**
 * `phone`.
 */
device: string | null, 
/**
 * Where it is reached now.
 */
address: string | null, };

/**
 * One way.
 */
export type PathView = { 
/**
 * The network card.
 */
interface: string, 
/**
 * The address here.
 */
local: string, 
/**
 * The address there, or the relay's.
 */
remote: string, 
/**
 * Straight, or over a relay.
 */
kind: PathKind, 
/**
 * That relay's name.
 */
relay: string | null, 
/**
 * `IPv4` or `IPv6`.
 */
family: string, 
/**
 * There and back.
 */
rtt_ms: number | null, 
/**
 * Share of what was sent that did not arrive, 0 to 1.
 */
loss: number | null, 
/**
 * How long nothing has come by it.
 */
heard_ms_ago: number | null, 
/**
 * What it is good for now.
 */
state: PathState, };

/**
 * Straight, or over a relay.
 */
export type PathKind = "direct" | "relay";

/**
 * What a way is good for now.
 */
export type PathState = "in_use" | "standby" | "probing" | "dead";

/**
 * What there is to speak into and to hear with.
 */
export type SoundDevices = { 
/**
 * To speak into.
 */
microphones: Array<DeviceView>, 
/**
 * To hear with.
 */
speakers: Array<DeviceView>, };

/**
 * A sound device.
 */
export type DeviceView = { 
/**
 * What the settings keep.
 */
id: string, 
/**
 * What people read.
 */
name: string, 
/**
 * The system's choice.
 */
is_default: boolean, };

/**
 * A part of the examination of this network.
 */
export type DoctorLine = { 
/**
 * What was looked at.
 */
topic: string, 
/**
 * How it looks.
 */
verdict: Verdict, 
/**
 * What was found.
 */
words: string, 
/**
 * What to do.
 */
advice: string | null, };

/**
 * How a part of the network looks.
 */
export type Verdict = "good" | "limited" | "bad" | "unknown";

/**
 * A device of the account.
 */
export type AccountDevice = { 
/**
 * `phone`.
 */
name: string, 
/**
 * The one that asks.
 */
this_one: boolean, 
/**
 * When the server last heard of it.
 */
last_seen_ms: number | null, };
