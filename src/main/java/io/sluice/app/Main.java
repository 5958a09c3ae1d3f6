package io.sluice.app;

/** Where the process begins. */
public final class Main {

  private Main() {}

  /** Runs the command line and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(new Cli(System.out, System.err, System.getenv()).run(args));
  }
}
