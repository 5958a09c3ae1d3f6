package io.sluice.app;

import io.sluice.app.load.Endpoint;
import io.vertx.core.json.JsonObject;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.util.Map;
import picocli.CommandLine.IFactory;

/** What the commands share: where they write, and what the environment says. */
record CommandContext(PrintStream out, PrintStream err, Map<String, String> environment) {

  private static final String DEFAULT_SERVER = "http://127.0.0.1:8080";

  /** Makes commands, passing itself to those that want it. */
  IFactory factory() {
    return new IFactory() {
      @Override
      public <K> K create(Class<K> type) throws Exception {
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
          if (constructor.getParameterCount() == 1
              && constructor.getParameterTypes()[0] == CommandContext.class) {
            return type.cast(constructor.newInstance(CommandContext.this));
          }
        }
        return picocli.CommandLine.defaultFactory().create(type);
      }
    };
  }

  /** The server to talk to: the flag's, else the environment's, else this machine's. */
  URI server(String flag) {
    String text = flag != null ? flag : environment.getOrDefault("SLUICE_SERVER", DEFAULT_SERVER);
    try {
      URI uri = URI.create(text.contains("://") ? text : "http://" + text);
      if (uri.getHost() != null) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Told below, with what is allowed.
    }
    throw new CommandFailure(
        ExitCode.USAGE, "--server: found '" + text + "', allowed is such as " + DEFAULT_SERVER);
  }

  /** Talks to the server that the flags name, with the token that they or the environment give. */
  ServerClient client(ServerOptions options) {
    return new ServerClient(server(options.server), authorization(options));
  }

  /** The same server for the load generator, which speaks plain HTTP. */
  Endpoint endpoint(ServerOptions options, long pid) {
    URI uri = server(options.server);
    if (!"http".equals(uri.getScheme())) {
      throw new CommandFailure(
          ExitCode.USAGE,
          "--server: found '"
              + uri
              + "', the load that is made here speaks plain HTTP only; name the server itself, such"
              + " as "
              + DEFAULT_SERVER);
    }
    return Endpoint.of(uri, pid, authorization(options));
  }

  private String authorization(ServerOptions options) {
    String token = options.token != null ? options.token : environment.get("SLUICE_TOKEN");
    return token == null ? null : "Bearer " + token;
  }

  /** Writes one line of JSON. */
  void json(JsonObject object) {
    out.println(object.encode());
  }

  /** Tells what went wrong and gives the exit code. */
  int report(Exception failure) {
    if (failure instanceof CommandFailure known) {
      err.println("sluice: " + known.getMessage());
      return known.exitCode().number();
    }
    err.println("sluice: " + failure);
    return ExitCode.FAILED.number();
  }
}
