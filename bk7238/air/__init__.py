"""What is on the radio: access points, the medium they share with the device, and a capture of it."""
