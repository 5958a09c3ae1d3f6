package io.sluice.app;

/** Where the process begins. */
public final class Main {

  private Main() {}

  /** Runs the command line and ends the process with its exit code. */
  public static void main(String[] args) {
    // Before a class of Netty's is loaded. Else its first buffer loads all of Flight Recorder, on
    // an
    // event loop: 200 ms of processor time, measured with Netty 4.2.9. Set it to true to have its
    // events of buffers in a recording.
    System.getProperties().putIfAbsent("io.netty.jfr.enabled", "false");
    System.exit(new Cli(System.out, System.err, System.getenv()).run(args));
  }
}
