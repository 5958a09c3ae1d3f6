package io.sluice.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ClusterOptionsTest {

  @Test
  void shouldReadANameOfTheDnsAndItsServer() {
    ClusterOptions plain = new ClusterOptions().setHosts("dns:sluice.svc.local");
    assertTrue(plain.isByDns());
    assertEquals("sluice.svc.local", plain.dnsName());
    assertEquals("", plain.dnsServer());

    ClusterOptions own = new ClusterOptions().setHosts("dns:sluice.service.consul@127.0.0.1:8600");
    assertEquals("sluice.service.consul", own.dnsName());
    assertEquals("127.0.0.1:8600", own.dnsServer());
    assertFalse(new ClusterOptions().setHosts("one:7800").isByDns());
  }

  @Test
  void shouldSayWhatIsWrongWithTheHosts() {
    for (String wrong : new String[] {"dns:", "dns:@127.0.0.1:53"}) {
      ClusterOptions options = new ClusterOptions().setHosts(wrong);
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, options::dnsName);
      assertTrue(refused.getMessage().contains("dns:NAME"), refused.getMessage());
    }
    ClusterOptions options = new ClusterOptions().setHosts("one:7800,two:port");
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, options::endpoints);
    assertTrue(refused.getMessage().contains("'two:port'"), refused.getMessage());
  }
}
