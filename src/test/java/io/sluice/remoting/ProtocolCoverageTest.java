package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;
import org.junit.jupiter.api.Test;

/** docs/protocol-coverage.md says of each request and each command what becomes of it. */
class ProtocolCoverageTest {

  private static final Pattern CODES = Pattern.compile("(\\d+)(?: to (\\d+))?");

  @Test
  void shouldHaveALineForEachRequestCodeOfRocketMq() throws Exception {
    Set<Integer> named = new TreeSet<>();
    for (String line : document().split("\n")) {
      if (line.startsWith("|")) {
        Matcher matcher = CODES.matcher(line.split("\\|")[1]);
        while (matcher.find()) {
          int first = Integer.parseInt(matcher.group(1));
          int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
          for (int code = first; code <= last; code++) {
            named.add(code);
          }
        }
      }
    }
    Set<String> missing = new TreeSet<>();
    for (Field field :
        org.apache.rocketmq.remoting.protocol.RequestCode.class.getDeclaredFields()) {
      if (field.getType() == int.class && !named.contains(field.getInt(null))) {
        missing.add(field.getName() + " " + field.getInt(null));
      }
    }
    assertEquals(Set.of(), missing);
  }

  @Test
  void shouldNameEachCommandOfMqadmin() throws Exception {
    String document = document();
    MQAdminStartup.initCommand();
    Set<String> missing = new TreeSet<>();
    for (Field field : MQAdminStartup.class.getDeclaredFields()) {
      field.setAccessible(true);
      if (Modifier.isStatic(field.getModifiers()) && field.get(null) instanceof Collection<?> all) {
        for (Object each : all) {
          if (each instanceof SubCommand command && !isNamed(document, command.commandName())) {
            missing.add(command.commandName());
          }
        }
      }
    }
    assertEquals(Set.of(), missing);
  }

  private static boolean isNamed(String document, String command) {
    return Pattern.compile("[|,] " + command + "[ ,]").matcher(document).find();
  }

  private static String document() throws IOException {
    return Files.readString(Path.of("docs", "protocol-coverage.md"));
  }
}
