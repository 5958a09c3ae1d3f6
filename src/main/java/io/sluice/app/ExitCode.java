package io.sluice.app;

/** The exit codes of every command, so that scripts can decide by them. */
public enum ExitCode {
  OK(0, "done"),
  FAILED(1, "something unexpected went wrong"),
  USAGE(2, "wrong flag, argument or configuration"),
  UNREACHABLE(3, "no server answers there"),
  REFUSED(4, "the server refused the request"),
  PROMISE_BROKEN(5, "a demo or a check found a promise broken"),
  TIMED_OUT(6, "what was waited for did not come in time"),
  PORT_IN_USE(10, "a port is in use"),
  NOT_WRITABLE(11, "the data directory can not be written to"),
  LOCKED(12, "another process has the data directory"),
  NEWER_VERSION(13, "the data directory was written by a newer version"),
  DAMAGED(14, "the store is damaged"),
  DISK_FULL(15, "the disk is too full to start");

  private final int number;
  private final String sentence;

  ExitCode(int number, String sentence) {
    this.number = number;
    this.sentence = sentence;
  }

  /** What the process ends with. */
  public int number() {
    return number;
  }

  /** When it ends so. */
  public String sentence() {
    return sentence;
  }
}
