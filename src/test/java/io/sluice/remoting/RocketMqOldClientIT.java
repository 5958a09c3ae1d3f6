package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The official client 4.9.8, with the libraries it came with, in a class loader of its own. */
class RocketMqOldClientIT {

  private static final Path JARS = Path.of("target", "rocketmq-4.9.8");

  @Test
  @SuppressWarnings("unchecked") // the scenario is a JDK function, whichever loader made it
  void shouldServeTheClientOfVersionFour() throws Exception {
    List<URL> classPath = new ArrayList<>();
    try (Stream<Path> jars = Files.list(JARS)) {
      for (Path jar : jars.toList()) {
        classPath.add(jar.toUri().toURL());
      }
    }
    assertTrue(classPath.size() >= 10, "the jars of the old client are not in " + JARS);
    URL own = OldClientScenario.class.getProtectionDomain().getCodeSource().getLocation();
    classPath.add(own);
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    System.setProperty("rocketmq.client.logRoot", "target/rocketmq-client");
    try (InteropTarget target = new InteropTarget();
        URLClassLoader loader =
            new URLClassLoader(
                classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      thread.setContextClassLoader(loader);
      UnaryOperator<String> scenario =
          (UnaryOperator<String>)
              loader
                  .loadClass(OldClientScenario.class.getName())
                  .getDeclaredConstructor()
                  .newInstance();
      assertEquals(
          "pushed 35, pulled 35, ids found 30, from 0, by id true,"
              + " traces [Pub, SubAfter, SubBefore],"
              + " transactions [COMMIT_MESSAGE, UNKNOW]",
          scenario.apply(target.nameServer()));
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
