package io.sluice.broker;

import io.sluice.bus.Filter;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Question: how many messages a second does a filter pass judgement on, as the {@link Dispatcher}
 * has it: by the tag code of the queue's entry first, by the record where it lies only if the code
 * can not tell? Records of 1 KiB with a tag and five properties of the user's, in memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@OperationsPerInvocation(FilterBenchmark.RECORDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class FilterBenchmark {

  static final int RECORDS = 512;
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0x1F, (byte) 0x90};
  private static final String[] REGIONS = {"eu", "us", "asia", "africa"};

  /** A filter, and how many of the records it wants. */
  public enum Case {
    /** One tag. */
    TAG(Filter.tags("tag-3"), 64),
    /** Some tags. */
    TAGS(Filter.tags("tag-3 || tag-5 || tag-9"), 128),
    /** A usual condition. */
    SQL(new Filter(Filter.Kind.SQL, "price > 10 AND region IN ('eu','us')"), 80),
    /** A condition that looks through all properties in vain. */
    SQL_ABSENT(new Filter(Filter.Kind.SQL, "absent IS NOT NULL"), 0);

    private final Filter filter;
    private final int wanted;

    Case(Filter filter, int wanted) {
      this.filter = filter;
      this.wanted = wanted;
    }
  }

  @Param private Case filter;

  private final MessageBatch batch = new MessageBatch(RECORDS * 1_400);
  private final MessageView view = new MessageView();
  private MessageFilter compiled;
  private ByteBuffer bytes;

  /** Encodes the records. */
  @Setup
  public void setUp() {
    compiled = MessageFilter.of(filter.filter);
    PropertiesWriter properties = new PropertiesWriter();
    ByteBuffer body = ByteBuffer.allocate(1_024);
    for (int i = 0; i < RECORDS; i++) {
      properties
          .clear()
          .put(PropertyNames.TAGS, "tag-" + i % 8)
          .put("customer", "customer-" + i)
          .put("colour", "red")
          .put("price", Integer.toString(i % 16))
          .put("region", REGIONS[i / 16 % REGIONS.length])
          .put("quantity", "3");
      batch.add("bench", 0, 0, 0, 1_700_000_000_000L, HOST, 0, 0, body, properties);
    }
    bytes = ByteBuffer.wrap(batch.bytes());
    if (judge() != filter.wanted) {
      throw new IllegalStateException(filter + " wants " + judge() + " records");
    }
  }

  /** Judges all records; gives how many are wanted. */
  @Benchmark
  public int judge() {
    int wanted = 0;
    for (int i = 0; i < RECORDS; i++) {
      boolean wants =
          compiled.readsRecords()
              ? compiled.wants(view.wrap(bytes, batch.position(i)))
              : compiled.mayWant(batch.tagsCode(i))
                  && compiled.wants(view.wrap(bytes, batch.position(i)));
      wanted += wants ? 1 : 0;
    }
    return wanted;
  }
}
