package io.sluice.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlockedLoopsTest {

  @ParameterizedTest
  @CsvSource({
    "io.sluice.broker.Appender.append(Appender.java:1), false, true",
    "app//io.sluice.broker.Appender.append(Appender.java:1), false, true",
    "java.base/java.lang.Object.wait(Object.java:1), true, true",
    "io.netty.util.Recycler.get(Recycler.java:1), false, false",
    "java.base/java.lang.ClassLoader.loadClass(ClassLoader.java:1), true, false",
    "java.base/java.lang.invoke.MethodHandleNatives.linkCallSite(X.java:1), true, false",
    "io.netty.util.Recycler.<clinit>(Recycler.java:1), true, false",
  })
  void shouldTellAHeldLoopFromASlowMachine(String top, boolean ours, boolean held) {
    String below = ours ? "\n\tat io.sluice.gateway.Front.handle(Front.java:2)" : "";
    String told = "a loop has been blocked for 1200 ms\n    at " + top + below;
    assertEquals(held, BlockedLoops.isHeldUp(told));
  }
}
