package io.sluice.broker;

import io.sluice.bus.TransactionRequest.State;
import io.sluice.metrics.Counter;
import io.sluice.metrics.Metrics;
import java.util.concurrent.atomic.AtomicInteger;

/** What is counted of transactions. Written by the Broker's event loop, read by any thread. */
final class TransactionFigures {

  private static final String OPEN = "sluice_broker_transactions_open";

  private final Metrics metrics;
  private final String brokerName;
  private final AtomicInteger open = new AtomicInteger();
  private final Counter begun;
  private final Counter committed;
  private final Counter rolledBack;
  private final Counter expired;
  private final Counter checks;

  TransactionFigures(Metrics metrics, String brokerName) {
    this.metrics = metrics;
    this.brokerName = brokerName;
    metrics.gauge(OPEN, "Transactions open now.", open::get, "broker", brokerName);
    begun = counter("begun", "Transactions begun.");
    committed = counter("committed", "Transactions committed.");
    rolledBack = counter("rolled_back", "Transactions rolled back.");
    expired = counter("expired", "Transactions rolled back as nobody said how they ended.");
    checks = counter("checks", "Questions to producers how a transaction ended.");
  }

  private Counter counter(String what, String help) {
    String name = "sluice_broker_transactions_" + what + "_total";
    return metrics.counter(name, help, "broker", brokerName);
  }

  void open(int count) {
    open.set(count);
  }

  void begun() {
    begun.increment();
  }

  void ended(State outcome) {
    switch (outcome) {
      case COMMITTED -> committed.increment();
      case ROLLED_BACK -> rolledBack.increment();
      default -> expired.increment();
    }
  }

  void asked() {
    checks.increment();
  }

  /** The Broker has stopped. */
  void close() {
    metrics.removeGauge(OPEN, "broker", brokerName);
  }
}
