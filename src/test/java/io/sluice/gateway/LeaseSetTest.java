package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LeaseSetTest {

  @Test
  void shouldHoldTheSameAsASet() {
    Random random = new Random(1);
    LeaseSet leases = new LeaseSet();
    Set<Long> model = new HashSet<>();
    for (int i = 0; i < 200_000; i++) {
      // Few numbers, so that they collide; more are added first, more are removed later.
      long lease = random.nextInt(3_000);
      if (random.nextInt(200_000) > i) {
        leases.add(lease);
        model.add(lease);
      } else {
        assertEquals(model.remove(lease), leases.remove(lease));
      }
      assertEquals(model.size(), leases.size());
    }
  }
}
