package io.sluice.gateway;

/**
 * Decides whether the frames of a socket are read: not while too many of them wait for their
 * answers, and not while the client does not take the answers. So there is a bound to what one
 * client can make the gateway hold. Owned by the event loop.
 */
final class ReadingGate {

  private static final int MAX_WAITING = 4_096;
  private static final int MAX_WAITING_BYTES = 2 << 20;

  /** More than dispatch writes by itself, so that a burst of messages does not keep acks out. */
  private static final int MAX_UNWRITTEN_BYTES = 2 << 20;

  private final Socket socket;
  private int waiting;
  private long waitingBytes;
  private boolean tooManyWait;
  private boolean notTaken;

  ReadingGate(Socket socket) {
    this.socket = socket;
  }

  boolean isClosed() {
    return tooManyWait || notTaken;
  }

  /** A frame of this size waits for its answer. */
  void begun(int bytes) {
    waiting++;
    waitingBytes += bytes;
    update();
  }

  /** A frame of this size was answered. */
  void answered(int bytes) {
    waiting--;
    waitingBytes -= bytes;
    update();
  }

  /** So many bytes are written, and not taken yet. */
  void unwritten(long bytes) {
    boolean wasClosed = isClosed();
    notTaken = bytes >= (notTaken ? MAX_UNWRITTEN_BYTES / 2 : MAX_UNWRITTEN_BYTES);
    tell(wasClosed);
  }

  private void update() {
    boolean wasClosed = isClosed();
    int part = tooManyWait ? 2 : 1;
    tooManyWait = waiting >= MAX_WAITING / part || waitingBytes >= MAX_WAITING_BYTES / part;
    tell(wasClosed);
  }

  private void tell(boolean wasClosed) {
    if (isClosed() && !wasClosed) {
      socket.pauseReading();
    } else if (!isClosed() && wasClosed) {
      socket.resumeReading();
    }
  }
}
