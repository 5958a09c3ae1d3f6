package io.sluice.broker;

import io.sluice.metrics.Counter;
import io.sluice.metrics.Metrics;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** What a Broker counts for those who watch it. Owned by the Broker's event loop. */
final class BrokerMetrics {

  private static final String DUPLICATE_ENTRIES = "sluice_broker_duplicate_entries";

  /** Sends that repeated an earlier one. */
  final Counter duplicates;

  private final Metrics metrics;
  private final String broker;
  private final Map<String, Counter> expired = new HashMap<>();

  BrokerMetrics(Metrics metrics, String broker) {
    this.metrics = metrics;
    this.broker = broker;
    duplicates =
        metrics.counter(
            "sluice_broker_duplicates_total",
            "Sends that repeated an earlier one and were not stored again.",
            "broker",
            broker);
  }

  /** Shows how many sends are remembered to recognise repeats. */
  void showDuplicateEntries(LongSupplier entries) {
    metrics.gauge(
        DUPLICATE_ENTRIES, "Sends remembered to recognise repeats.", entries, "broker", broker);
  }

  /** Messages that were passed over as they had expired, by group; no group for plain reads. */
  void expired(String group, int count) {
    expired
        .computeIfAbsent(
            group,
            name ->
                metrics.counter(
                    "sluice_broker_expired_total",
                    "Messages passed over as their time to live was over; no group for reads"
                        + " without one.",
                    "broker",
                    broker,
                    "group",
                    name))
        .add(count);
  }

  /** Takes away what can not be asked any more. */
  void close() {
    metrics.removeGauge(DUPLICATE_ENTRIES, "broker", broker);
  }
}
