"""What is behind the access point: a gateway with DHCP, DNS and HTTP. Ethernet frames in, Ethernet frames out."""
