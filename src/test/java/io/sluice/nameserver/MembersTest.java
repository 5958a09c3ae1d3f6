package io.sluice.nameserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GatewayAlive;
import io.sluice.bus.NameServerRequest.GatewayNode;
import io.sluice.bus.NameServerRequest.NameServerNode;
import java.util.List;
import org.junit.jupiter.api.Test;

class MembersTest {

  private static final Cluster NOBODY = new Cluster("n1", List.of(), List.of());

  private final Members members = new Members();

  @Test
  void shouldListTheOthersWithWhatTheySaidLast() {
    members.put("p1", "n1", 10);
    members.put("p2", "n2", 20);
    members.put("p2", gateway("a", 1), 20);
    members.put("p3", gateway("b", 2), 30);
    members.put("p3", gateway("b", 5), 40);
    Cluster all = members.addTo(NOBODY);
    assertEquals(List.of(new NameServerNode("n2", 20)), all.nameServers());
    assertEquals(
        List.of(
            new GatewayNode("a", "host:8080", 1, 2, 20),
            new GatewayNode("b", "host:8080", 5, 2, 40)),
        all.gateways());
  }

  @Test
  void shouldForgetWhoIsSilentAndWhoIsGoneWithItsProcess() {
    members.put("p2", "n2", 20);
    members.put("p2", gateway("a", 1), 20);
    members.put("p3", "n3", 30);
    members.put(null, gateway("b", 1), 30);
    members.expire(21);
    assertEquals("[n3] [b]", ids());
    members.remove("p3");
    assertEquals("[] [b]", ids());
    members.remove("p4");
    assertEquals("[] [b]", ids());
  }

  @Test
  void shouldHaveABound() {
    for (int i = 0; i < Members.MAX; i++) {
      assertTrue(members.put("p", gateway("g" + i, 0), 1));
      assertTrue(members.put("p", "n" + i, 1));
    }
    assertFalse(members.put("p", gateway("another", 0), 1));
    assertFalse(members.put("p", "another", 1));
    assertTrue(members.put("p", gateway("g7", 1), 2));
    assertEquals(Members.MAX, members.addTo(NOBODY).gateways().size());
  }

  private String ids() {
    Cluster all = members.addTo(NOBODY);
    return all.nameServers().stream().map(NameServerNode::id).toList()
        + " "
        + all.gateways().stream().map(GatewayNode::id).toList();
  }

  private static GatewayAlive gateway(String id, int sockets) {
    return new GatewayAlive(id, "host:8080", sockets, 2);
  }
}
