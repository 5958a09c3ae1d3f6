package io.sluice.gateway;

import io.vertx.core.Future;
import io.vertx.core.http.HttpServerRequest;

final class Sockets {
  static final String JSON = "sluice.v1.json";
  static final String BINARY = "sluice.v1.bin";

  Sockets(Loop loop) {}

  void open(HttpServerRequest request, Connections connections, Connections.Tracked connection) {}

  void tick(long nowMs) {}

  Future<Void> drain() {
    return Future.succeededFuture();
  }
}
