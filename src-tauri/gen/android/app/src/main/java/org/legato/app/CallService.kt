package org.legato.app

import android.app.Notification
import android.app.PendingIntent
import android.app.Service
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.IBinder
import android.os.PowerManager
import android.util.Log
import androidx.core.app.NotificationChannelCompat
import androidx.core.app.NotificationCompat
import androidx.core.app.NotificationManagerCompat
import androidx.core.app.ServiceCompat

private const val CHANNEL = "call"
private const val NOTIFICATION = 1

/** Keeps the process, its microphone and the processor while calls go on, with the notification that this takes. */
class CallService : Service() {
  private var awake: PowerManager.WakeLock? = null

  override fun onBind(intent: Intent?): IBinder? = null

  override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
    try {
      val type = ServiceInfo.FOREGROUND_SERVICE_TYPE_MICROPHONE
      ServiceCompat.startForeground(this, NOTIFICATION, notification(), type)
      stayAwake()
    } catch (refused: RuntimeException) {
      // Without the microphone's permission, or from behind another program. The call goes on while it is in front.
      Log.w("Legato", "no service for the call", refused)
      stopSelf()
    }
    // A process that was killed has no call any more.
    return START_NOT_STICKY
  }

  override fun onDestroy() {
    awake?.release()
    awake = null
  }

  private fun stayAwake() {
    if (awake != null) return
    val power = getSystemService(PowerManager::class.java)
    awake = power.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "legato:call").apply { acquire() }
  }

  private fun notification(): Notification {
    val channel = NotificationChannelCompat.Builder(CHANNEL, NotificationManagerCompat.IMPORTANCE_LOW)
      .setName(getString(R.string.call_channel))
      .build()
    NotificationManagerCompat.from(this).createNotificationChannel(channel)
    val window = Intent(this, MainActivity::class.java)
    return NotificationCompat.Builder(this, CHANNEL)
      .setSmallIcon(R.drawable.ic_call)
      .setContentTitle(getString(R.string.app_name))
      .setContentText(getString(R.string.call_goes_on))
      .setContentIntent(PendingIntent.getActivity(this, 0, window, PendingIntent.FLAG_IMMUTABLE))
      .setCategory(NotificationCompat.CATEGORY_CALL)
      .setOngoing(true)
      .build()
  }
}
