package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.load.Consistency;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Four services agree at the end, though their server is killed in the middle. */
class ConsistencyIT {

  @TempDir Path directory;

  @Test
  @Timeout(180)
  void shouldAgreeThroughFailuresPoisonAndACrash() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
    try (DemoCommand.Own server = new DemoCommand.Own(directory.resolve("data"));
        Consistency play = new Consistency(server, printed, 60)) {
      List<String> broken = play.run();
      String told = out.toString(StandardCharsets.UTF_8);
      assertEquals(List.of(), broken, told);
      assertTrue(told.contains("was killed and started again"), told);
    }
  }
}
