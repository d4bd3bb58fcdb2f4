//! The Account Server that decides: accounts, devices, invitations, tickets, certificates
