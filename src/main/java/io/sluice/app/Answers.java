package io.sluice.app;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Shows a server's answer: as it is to programs, as lines and tables to people. */
final class Answers {

  private Answers() {}

  static void print(CommandContext context, JsonObject answer, boolean json) {
    if (json) {
      context.json(answer);
      return;
    }
    List<String> tables = new ArrayList<>();
    Table lines = new Table("KEY", "VALUE");
    for (String name : answer.fieldNames()) {
      if (isTable(answer.getValue(name))) {
        tables.add(name);
      } else {
        lines.row(name, answer.getValue(name));
      }
    }
    lines.print(context.out());
    for (String name : tables) {
      context.out().println();
      table(answer.getJsonArray(name)).print(context.out());
    }
  }

  private static boolean isTable(Object value) {
    return value instanceof JsonArray array
        && !array.isEmpty()
        && array.getValue(0) instanceof JsonObject;
  }

  private static Table table(JsonArray array) {
    Set<String> names = new LinkedHashSet<>();
    for (int i = 0; i < array.size(); i++) {
      names.addAll(array.getJsonObject(i).fieldNames());
    }
    Table table = new Table(names.toArray(String[]::new));
    for (int i = 0; i < array.size(); i++) {
      JsonObject row = array.getJsonObject(i);
      table.row(names.stream().map(row::getValue).toArray());
    }
    return table;
  }
}
