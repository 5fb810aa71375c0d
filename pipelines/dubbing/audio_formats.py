"""The formats that a dub's audio is read from: FFmpeg's demuxers of one file that state their rate."""

from __future__ import annotations

from assets.media.opening import FORMATS

# Left out: playlists, sessions and image sequences (they open other files or hosts), devices, and headerless samples
# whose rate FFmpeg would guess.
RECORDERS_AND_STUDIOS = (
    "aiff,w64,caf,au,voc,ircam,sox,avr,nistsphere,paf,pvf,sds,iff,rso,wsaud,xa,wv,tta,ape,tak,shn,osq,mpc,mpc8,"
    "dsf,wsd,adp,apac,bonk,rka,qoa,laf,kvag,wavarc,epaf,boa,vqf,oma,aea,aa,aax,mmf,siff,svs"
)
BROADCAST = "ac3,eac3,ac4,dts,dtshd,mlp,truehd,loas,spdif,s337m,sbc,aptx,aptx_hd,lc3,gxf,daud,iamf,xwma,asf_o,pva,ty,swf"
TELEPHONES = (
    "amr,amrnb,amrwb,g722,g723_1,g726,g726le,g729,gsm,ilbc,sln,qcp,bit,codec2,act,dss,dfpwm,hcom,wve,msf"
)
GAMES = (
    "adx,hca,brstm,bfstm,fsb,fwse,genh,musx,svag,vag,vpk,xvag,rsd,redspark,nsp,mtaf,mca,acm,ads,alp,apc,apm,argo_asf,"
    "ast,binka,dcstr,derf,pp_bnk,scd,sdns,sdx,sol,wady,xmd,3dostr,aix,afc"
)
AUDIO_FORMATS = ",".join((FORMATS, RECORDERS_AND_STUDIOS, BROADCAST, TELEPHONES, GAMES))
