/**
 * What the page may load: itself, and nothing else. The shell has the same line in `tauri.conf.json` (with the
 * addresses of its own bridge); the tests serve the page under this one.
 */
export const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  // Positions of drawings and levels are set as style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
