"""The rules of smart HTTP that need no socket: framing, content codings, redirects, proxies, statuses."""
