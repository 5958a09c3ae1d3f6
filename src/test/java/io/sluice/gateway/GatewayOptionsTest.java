package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class GatewayOptionsTest {

  @Test
  void shouldNameTheKeyTheValueAndTheRange() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new GatewayOptions().port(70_000));
    assertEquals("port: found 70000, allowed are 0 to 65535", e.getMessage());
    e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new GatewayOptions().idleTimeout(Duration.ofMillis(1)));
    assertTrue(e.getMessage().startsWith("idleTimeout: found PT0.001S"), e.getMessage());
  }

  @Test
  void shouldRefuseValuesThatDoNotFitEachOther() {
    GatewayOptions options = new GatewayOptions().maxInFlightBytes(1 << 20);
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, options::conclude);
    assertTrue(e.getMessage().contains("could never be taken in"), e.getMessage());
  }

  @Test
  void shouldCopyEveryValue() {
    GatewayOptions options =
        new GatewayOptions().host("::1").port(1).maxSockets(2).stallTimeout(Duration.ofSeconds(3));
    GatewayOptions copy = new GatewayOptions(options);
    assertEquals("::1", copy.host());
    assertEquals(1, copy.port());
    assertEquals(2, copy.maxSockets());
    assertEquals(10_922, GatewayOptions.socketsFor(128 << 20), "it was full at 17,800");
    assertEquals(50_000, GatewayOptions.socketsFor(8L << 30));
    int byHeap = GatewayOptions.socketsFor(Runtime.getRuntime().maxMemory());
    assertEquals(byHeap, new GatewayOptions().maxSockets());
    assertEquals(byHeap, copy.maxSockets(0).maxSockets());
    assertEquals(5_461, GatewayOptions.connectionsFor(128 << 20));
    assertEquals(50_000, GatewayOptions.connectionsFor(8L << 30));
    assertEquals(3, new GatewayOptions(options.maxConnections(3)).maxConnections());
    assertEquals(Duration.ofSeconds(3), copy.stallTimeout());
  }
}
