/** Time as the scripted world sees it. */
export interface Clock {
  now(): number;
  /** Runs something once, so many milliseconds from now; gives what takes it back. */
  after(ms: number, what: () => void): () => void;
}

/** The browser's. */
export class RealClock implements Clock {
  now = () => Date.now();
  after(ms: number, what: () => void) {
    const timer = setTimeout(what, ms);
    return () => clearTimeout(timer);
  }
}

/** Stands still until it is told to go on: what a test sees is the same every time. */
export class ManualClock implements Clock {
  #now: number;
  #next = 0;
  #due: { at: number; order: number; what: () => void }[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now = () => this.#now;

  after(ms: number, what: () => void) {
    const entry = { at: this.#now + ms, order: this.#next++, what };
    this.#due.push(entry);
    return () => (this.#due = this.#due.filter((e) => e !== entry));
  }

  advance(ms: number) {
    const end = this.#now + ms;
    for (let entry = this.#pop(end); entry; entry = this.#pop(end)) {
      this.#now = entry.at;
      entry.what();
    }
    this.#now = end;
  }

  #pop(end: number) {
    this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
    return this.#due[0] && this.#due[0].at <= end ? this.#due.shift() : undefined;
  }
}

/** Does something again and again, the first time after one period. */
export function every(clock: Clock, ms: number, what: () => void): () => void {
  let cancel = clock.after(ms, function again() {
    cancel = clock.after(ms, again);
    what();
  });
  return () => cancel();
}
