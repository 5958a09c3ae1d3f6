package io.sluice.app;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Map;

/**
 * What the commands that look after topics and groups have in common. Each call gives the exit
 * code.
 */
final class Administration {

  private final CommandContext context;

  Administration(CommandContext context) {
    this.context = context;
  }

  /** What is asked of a server that is open for it. */
  private interface Call {
    JsonObject on(ServerClient client);
  }

  /**
   * Lists what is at a path.
   *
   * @param name of the array in the answer
   * @param columns of its objects to show to people
   */
  int list(ServerOptions options, String path, String name, String... columns) {
    JsonObject answer = ask(options, client -> client.get(path).json());
    if (options.json) {
      context.json(answer);
      return ExitCode.OK.number();
    }
    String[] titles = new String[columns.length];
    for (int i = 0; i < columns.length; i++) {
      titles[i] = columns[i].replaceAll("([A-Z])", " $1").toUpperCase(java.util.Locale.ROOT);
    }
    Table table = new Table(titles);
    JsonArray rows = answer.getJsonArray(name);
    for (int i = 0; i < rows.size(); i++) {
      JsonObject row = rows.getJsonObject(i);
      Object[] cells = new Object[columns.length];
      for (int column = 0; column < columns.length; column++) {
        cells[column] = row.getValue(columns[column]);
      }
      table.row(cells);
    }
    table.print(context.out());
    return ExitCode.OK.number();
  }

  /** Shows what is at a path. */
  int show(ServerOptions options, String path) {
    return print(options, ask(options, client -> client.get(path).json()));
  }

  /** Makes or changes what is at a path, and shows it. */
  int put(ServerOptions options, String path, JsonObject body) {
    return print(options, ask(options, client -> client.put(path, body).json()));
  }

  /** Does something at a path, and shows what became of it. */
  int post(ServerOptions options, String path, JsonObject body) {
    Map<String, String> headers = Map.of("Content-Type", "application/json");
    return print(
        options,
        ask(
            options,
            client -> client.call(HttpMethod.POST, path, headers, body.toBuffer()).json()));
  }

  /** Deletes what is at a path. */
  int delete(ServerOptions options, String path, String name) {
    ask(options, client -> client.call(HttpMethod.DELETE, path, Map.of(), null).json());
    if (options.json) {
      context.json(new JsonObject().put("deleted", name));
    } else {
      context.out().println("deleted " + name);
    }
    return ExitCode.OK.number();
  }

  private JsonObject ask(ServerOptions options, Call call) {
    try (ServerClient client = context.client(options)) {
      return call.on(client);
    }
  }

  private int print(ServerOptions options, JsonObject answer) {
    Answers.print(context, answer, options.json);
    return ExitCode.OK.number();
  }

  /** Puts a value that was given; what was not given stays as it is at the server. */
  static void putIfGiven(JsonObject body, String name, Object value) {
    if (value != null) {
      body.put(name, value);
    }
  }
}
