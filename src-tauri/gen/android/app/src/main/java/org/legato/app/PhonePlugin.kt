package org.legato.app

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.net.ConnectivityManager
import app.tauri.annotation.Command
import app.tauri.annotation.InvokeArg
import app.tauri.annotation.Permission
import app.tauri.annotation.TauriPlugin
import app.tauri.plugin.Channel
import app.tauri.plugin.Invoke
import app.tauri.plugin.Plugin

@InvokeArg
class WatchArgs {
  lateinit var changed: Channel
}

/**
 * What Android lets only this side do. The program asks from src/platform/android/bridge.rs, by the names of the
 * commands; `requestPermissions` with the alias "microphone" is Tauri's own.
 */
@TauriPlugin(
  permissions = [Permission(strings = [Manifest.permission.RECORD_AUDIO], alias = "microphone")]
)
class PhonePlugin(private val activity: Activity) : Plugin(activity) {
  private var networks: Networks? = null

  /** Tells of every change of networks from now on. */
  @Command
  fun watchNetworks(invoke: Invoke) {
    val changed = invoke.parseArgs(WatchArgs::class.java).changed
    val manager = activity.getSystemService(ConnectivityManager::class.java)
    // A process has room for a hundred of them.
    networks?.stop()
    networks = Networks(manager, changed).also { it.start() }
    invoke.resolve()
  }

  /**
   * The service starts as an ordinary one and comes to the foreground itself: a call begins while the activity is in
   * front, and one that ends at once owes the system nothing.
   */
  @Command
  fun startCall(invoke: Invoke) {
    try {
      activity.startService(Intent(activity, CallService::class.java))
      invoke.resolve()
    } catch (refused: RuntimeException) {
      invoke.reject(refused.message)
    }
  }

  @Command
  fun endCall(invoke: Invoke) {
    activity.stopService(Intent(activity, CallService::class.java))
    invoke.resolve()
  }
}
