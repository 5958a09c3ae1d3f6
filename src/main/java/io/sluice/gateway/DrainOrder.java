package io.sluice.gateway;

import java.net.URI;
import java.time.Duration;

/**
 * What an operator asks a server for that is to leave.
 *
 * @param grace sends are taken for so long; null for what is configured
 * @param to HTTP address of the server whose Broker takes over; null for none
 * @param authorization with this header that server is asked, as this one was; null for none
 */
public record DrainOrder(Duration grace, URI to, String authorization) {}
