package org.legato.app

import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.Network
import android.net.NetworkCapabilities
import android.net.NetworkRequest
import app.tauri.plugin.Channel
import app.tauri.plugin.JSObject

/** Tells by which interface the system sends, whenever a network comes, goes or has other addresses. */
class Networks(private val manager: ConnectivityManager, private val changed: Channel) {
  @Volatile private var preferred: String? = null

  /** Networks that are up beside the preferred one count too: a call may go on there. */
  private val all = object : ConnectivityManager.NetworkCallback() {
    override fun onLinkPropertiesChanged(network: Network, properties: LinkProperties) = tell()
    override fun onLost(network: Network) = tell()
  }

  /** Since Android 8 a network that comes is followed by its properties. */
  private val default = object : ConnectivityManager.NetworkCallback() {
    override fun onLinkPropertiesChanged(network: Network, properties: LinkProperties) =
      prefer(properties.interfaceName)
    override fun onLost(network: Network) = prefer(null)
  }

  fun start() {
    val reachesOut = NetworkRequest.Builder()
      .addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
      .build()
    manager.registerNetworkCallback(reachesOut, all)
    manager.registerDefaultNetworkCallback(default)
  }

  fun stop() {
    manager.unregisterNetworkCallback(all)
    manager.unregisterNetworkCallback(default)
  }

  private fun prefer(name: String?) {
    preferred = name
    tell()
  }

  private fun tell() {
    changed.send(JSObject().apply { put("preferred", preferred) })
  }
}
