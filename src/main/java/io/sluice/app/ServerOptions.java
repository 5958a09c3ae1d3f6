package io.sluice.app;

import picocli.CommandLine.Option;

/** The flags of every command that talks to a server. */
final class ServerOptions {

  @Option(
      names = "--server",
      paramLabel = "URL",
      description = "Server to talk to. Default: $SLUICE_SERVER, else http://127.0.0.1:8080.")
  String server;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "Says who asks, where the server wants to know. Default: $SLUICE_TOKEN.")
  String token;

  @Option(names = "--json", description = "Answer as JSON, one object a line.")
  boolean json;
}
