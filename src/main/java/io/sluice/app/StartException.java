package io.sluice.app;

/** A server that could not be started: with the cause, the next step, and the code to exit with. */
public final class StartException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final ExitCode exitCode;

  StartException(ExitCode exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  /** What a process that was started for this alone ends with. */
  public ExitCode exitCode() {
    return exitCode;
  }
}
