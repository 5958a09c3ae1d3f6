package io.sluice.client;

import io.vertx.core.Future;

/** What one Broker gives to a subscription. Owned by the client's context. */
interface BrokerPart {

  /** Completes when nothing that is sent to this Broker from then on is missed. */
  Future<Void> start();

  /** Lets the handler finish, then gives back the rest; never fails. */
  Future<Void> close();
}
