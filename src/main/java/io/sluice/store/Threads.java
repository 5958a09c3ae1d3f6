package io.sluice.store;

/** Ends threads. */
final class Threads {

  private Threads() {}

  /** Waits for a thread's end; an interrupt is kept for the caller and does not end the wait. */
  static void join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
