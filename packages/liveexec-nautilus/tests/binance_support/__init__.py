"""What tests of the Binance loopbacks share: a client without a transport, and recorded payloads to compare with."""
